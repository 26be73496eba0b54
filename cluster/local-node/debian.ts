/** Debian packages the node needs: installs what is missing and leaves no daemon of theirs running. */
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import { ClusterError, type Progress } from '../cluster-source.ts';
import { withHeartbeat } from './progress.ts';

/** Everything the local node calls that a minimal Debian lacks. */
export const nodePackages = [
  'ca-certificates',
  'conntrack',
  'containerd',
  'containernetworking-plugins',
  'etcd-server',
  'iproute2',
  'mmdebstrap',
  'nftables',
  'openssl',
  'procps',
  'runc',
  'unzip',
];

const policyPath = '/usr/sbin/policy-rc.d';
// The mark lets us remove the file after a run that was killed before it could.
const policyMark = '# made by the local cluster of Chandler while it installs packages';
const policy = `#!/bin/sh\n${policyMark}\nexit 101\n`;

/** Those of `names` that are not installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format language of dpkg-query
  const { stdout } = await execa('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    reject: false,
  });
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** Installs what is missing of `names`. */
export async function ensurePackages(names: readonly string[], progress: Progress): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) {
    await removeOurPolicy();
    return;
  }
  await withHeartbeat(progress, `installing Debian packages: ${missing.join(', ')}`, async () => {
    await keepDaemonsStopped(async () => {
      const first = await aptInstall(missing);
      if (first.failed) {
        // A killed installation has to be finished before another may begin.
        await execa('dpkg', ['--configure', '-a'], { stdin: 'ignore', reject: false });
        await apt(['update']);
        const second = await aptInstall(missing);
        if (second.failed) {
          throw new ClusterError(`apt-get could not install ${missing.join(', ')}: ${lastLines(second.all)}`);
        }
      }
    });
  });
}

function aptInstall(names: string[]) {
  return apt(['install', '-y', '--no-install-recommends', ...names]);
}

async function apt(args: string[]) {
  const result = await execa('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    all: true,
    stdin: 'ignore',
    reject: false,
  });
  return { failed: result.failed, all: result.all };
}

/** Debian starts a daemon as soon as it is installed, unless policy-rc.d forbids it. */
async function keepDaemonsStopped(work: () => Promise<void>): Promise<void> {
  const present = await readFile(policyPath, 'utf8').catch(() => undefined);
  const ours = present === undefined || present.includes(policyMark);
  if (!ours) {
    await work();
    return;
  }
  await writeFile(policyPath, policy, { mode: 0o755 });
  try {
    await work();
  } finally {
    await rm(policyPath, { force: true });
  }
}

/** A killed run may have left it. */
async function removeOurPolicy(): Promise<void> {
  const present = await readFile(policyPath, 'utf8').catch(() => '');
  if (present.includes(policyMark)) await rm(policyPath, { force: true });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' / ');
}

/** One sentence that says what this machine lacks to run the local node, or undefined. */
export async function whyNotHere(): Promise<string | undefined> {
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push('Linux');
  if (process.platform === 'linux' && process.arch !== 'x64' && process.arch !== 'arm64')
    missing.push('an amd64 or arm64 processor');
  if (process.getuid?.() !== 0) missing.push('root');
  if (!(await onPath('apt-get'))) missing.push('apt-get (Debian or Ubuntu)');
  if (!(await onPath('go'))) missing.push('Go on PATH');
  if (missing.length === 0) return undefined;
  return `the local node needs Linux, root, apt-get and Go; missing here: ${missing.join(', ')}`;
}

/** The full path of a program on PATH (and in the sbin folders, which users often lack), or undefined. */
export async function onPath(program: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']) {
    if (folder === '') continue;
    const path = `${folder}/${program}`;
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return path;
    }
  }
  return undefined;
}
