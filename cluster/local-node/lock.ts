/** One `up` or `down` at a time on this machine; a killed one does not keep the lock. */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../cluster-source.ts';
import { startTimeOf } from './processes.ts';

/** Runs `work` while holding the lock. */
export async function withLock<T>(path: string, progress: Progress, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const me = `${process.pid} ${await startTimeOf(process.pid)}`;
  const draft = `${path}.${process.pid}`;
  let told = performance.now() - 15_000;
  // Linked when whole, so that no one reads a lock without an owner.
  await writeFile(draft, me);
  try {
    for (;;) {
      const taken = await link(draft, path).then(
        () => true,
        () => false,
      );
      if (taken) break;
      const owner = await readFile(path, 'utf8').catch(() => '');
      const [pid, startTime] = owner.split(' ');
      if (owner !== '' && (await startTimeOf(Number(pid))) !== startTime) {
        await discardStale(path, owner);
        continue;
      }
      if (performance.now() - told >= 15_000) {
        progress(`another process (${pid}) is at work on the cluster; waiting for it`);
        told = performance.now();
      }
      await sleep(200);
    }
  } finally {
    await rm(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Two waiters may find the same dead owner: only the one that still finds it may remove the lock. */
async function discardStale(path: string, owner: string): Promise<void> {
  const grabbed = `${path}.${process.pid}.stale`;
  await rename(path, grabbed).catch(() => undefined);
  const content = await readFile(grabbed, 'utf8').catch(() => owner);
  if (content !== owner) await link(grabbed, path).catch(() => undefined);
  await rm(grabbed, { force: true });
}
