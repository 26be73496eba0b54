/** Removes what a node leaves on a machine: containers, mounts, control groups, folders. Only our own. */
import { glob, readdir, readFile, readlink, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { ClusterError } from '../cluster-source.ts';
import type { Layout } from './layout.ts';
import { findProcesses, killProcesses, startTimeOf } from './processes.ts';

/** Kills every process of the cluster: its components first, so that nothing is started anew, then containers. */
export async function killEverything(layout: Layout): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    const marked = await findProcesses(layout.clusterName);
    const contained = await findContained(layout);
    if (marked.length === 0 && contained.length === 0) return;
    const shims = marked.filter((process) => process.executable.includes('containerd-shim'));
    const components = marked.filter((process) => !shims.includes(process));
    await killProcesses(components);
    await killProcesses(contained);
    await killProcesses(shims);
  }
  throw new ClusterError('some processes of the local cluster could not be ended');
}

/** Processes whose root file system is one of our containers': they carry no mark, and may have lost their shim. */
async function findContained(layout: Layout): Promise<{ pid: number; startTime: string }[]> {
  const images = join(layout.stateDir, 'containerd/');
  const found: { pid: number; startTime: string }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const mounts = await readFile(`/proc/${name}/mountinfo`, 'utf8').catch(() => '');
    const inside = mounts.split('\n').some((line) => line.split(' ')[4] === '/' && line.includes(images));
    if (!inside) continue;
    const startTime = await startTimeOf(Number(name));
    if (startTime !== undefined) found.push({ pid: Number(name), startTime });
  }
  return found;
}

/** Unmounts all below our folders, then removes the folders. */
export async function removeFolders(layout: Layout): Promise<void> {
  await removeShimSockets(layout);
  await unmountBelow([layout.stateDir, layout.runDir]);
  await rm(layout.stateDir, { recursive: true, force: true, maxRetries: 3 });
  await rm(layout.runDir, { recursive: true, force: true, maxRetries: 3 });
  await removeOutside(layout);
}

/**
 * Removes what containerd keeps of running containers, for a node of which no component runs: after a reboot the
 * sockets and mounts that it speaks of are gone; after a kill of everything the mounts still stand.
 */
export async function removeRunningState(layout: Layout): Promise<void> {
  await killEverything(layout);
  const folder = join(layout.runDir, 'containerd');
  await unmountBelow([folder]);
  await rm(folder, { recursive: true, force: true });
}

async function unmountBelow(folders: string[]): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const mounts = await mountsBelow(folders);
    if (mounts.length === 0) return;
    // The deepest and the last first.
    for (const path of mounts.reverse()) await execa('umount', ['--lazy', path], { reject: false });
  }
  const left = await mountsBelow(folders);
  // Removing a folder with a mount in it would delete what is mounted.
  if (left.length > 0) throw new ClusterError(`still mounted: ${left.join(', ')}`);
}

/** A killed shim leaves its socket in a folder that all containerds of a machine share. */
async function removeShimSockets(layout: Layout): Promise<void> {
  for await (const file of glob(join(layout.runDir, 'containerd', '*', '*', '*', 'address'))) {
    const socket = (await readFile(file, 'utf8').catch(() => '')).trim().replace('unix://', '');
    if (socket.startsWith('/run/containerd/s/')) await rm(socket, { force: true });
  }
}

async function mountsBelow(folders: string[]): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => folders.some((folder) => path === folder || path.startsWith(`${folder}/`)));
}

/** Things whose place kubelet, containerd and the network plugins do not let us choose. */
async function removeOutside(layout: Layout): Promise<void> {
  await removeMatching('/var/log/containers', async (path) => {
    return (await readlink(path)).startsWith(`${layout.stateDir}/`);
  });
  await removeMatching('/var/lib/cni/results', async (path) => {
    // Each names the network namespace it was made for.
    return (await readFile(path, 'utf8')).includes(`${layout.runDir}/`);
  });
  for (const file of ['kubelet.sock', 'kubelet_internal_checkpoint', 'DEPRECATION']) {
    await rm(join('/var/lib/kubelet/device-plugins', file), { force: true });
  }
  const mayBeEmpty = [
    '/var/log/containers',
    '/var/lib/cni/results',
    '/var/lib/cni',
    '/var/lib/kubelet/device-plugins',
    '/var/lib/kubelet',
    '/run/containerd/s',
    '/run/containerd/fifo',
    '/run/containerd',
    '/run/runc',
    '/var/lib/chandler-cluster',
    '/run/chandler-cluster',
  ];
  // Others' files stay: rmdir takes only what is empty.
  for (const path of mayBeEmpty) await rmdir(path).catch(() => undefined);
}

async function removeMatching(folder: string, matches: (path: string) => Promise<boolean>): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    const path = join(folder, entry);
    if (await matches(path).catch(() => false)) await unlink(path).catch(() => undefined);
  }
}

/** Removes the pods' control groups, of whichever version; a group in use cannot be removed. */
export async function removeControlGroups(): Promise<void> {
  const base = '/sys/fs/cgroup';
  const roots = [base, ...(await readdir(base).catch(() => [])).map((name) => join(base, name))];
  for (const root of roots) await removeGroup(join(root, 'kubepods'));
}

async function removeGroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  await rmdir(path).catch(() => undefined);
}
