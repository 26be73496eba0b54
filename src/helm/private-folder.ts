/** A folder for one helm: it holds a token, and whatever the objects of a release hold. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

const inUse = new Set<string>();
const prefix = `chandler-helm-${hostname()}-`;

/** Calls `work` with a folder that nobody else may read, and removes it in any case. */
export async function inPrivateFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  inUse.add(folder);
  try {
    return await work(folder);
  } finally {
    inUse.delete(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes the folders of processes of this machine that were killed. What bears the id of this process and is not in use
 * is of an earlier one, as in a container that was started again.
 */
export async function removeLeftFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    const folder = join(tmpdir(), name);
    if (Number.isNaN(pid) || (pid === process.pid ? inUse.has(folder) : isAlive(pid))) continue;
    await rm(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
