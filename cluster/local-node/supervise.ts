/** Gets one component running and healthy, whatever state it is found in. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError } from '../cluster-source.ts';
import type { Component } from './components.ts';
import type { Layout } from './layout.ts';
import { definitionOf, findProcesses, mainProcess, startDetached, stopProcesses } from './processes.ts';

const healthLimitMs = 90_000;
const graceMs = 10_000;
const maxStarts = 4;

/** Starts a component when it does not run, anew when its definition changed; does not wait for its health. */
export async function ensureStarted(layout: Layout, component: Component): Promise<void> {
  const running = mainProcess(await findProcesses(layout.clusterName), component);
  if (running?.definition === (await definitionOf(component))) return;
  if (running !== undefined) await stopProcesses([running]);
  await startDetached(layout.clusterName, layout.logDir, component);
}

/** Waits for health; starts anew what died meanwhile, and what hangs. */
export async function ensureHealthy(layout: Layout, component: Component): Promise<void> {
  const end = performance.now() + healthLimitMs;
  let starts = 0;
  let hungSince = performance.now();
  let reason = '';
  while (performance.now() < end && starts < maxStarts) {
    try {
      await component.healthy();
      if (mainProcess(await findProcesses(layout.clusterName), component) !== undefined) return;
      reason = 'its process ended';
    } catch (cause) {
      reason = cause instanceof Error ? cause.message : String(cause);
    }
    const running = mainProcess(await findProcesses(layout.clusterName), component);
    const hangs = performance.now() - hungSince > graceMs * (starts + 1) * 2;
    if (running === undefined || hangs) {
      if (running !== undefined) await stopProcesses([running]);
      starts += 1;
      await startDetached(layout.clusterName, layout.logDir, component);
      hungSince = performance.now();
    }
    await sleep(100);
  }
  const log = join(layout.logDir, `${component.name}.log`);
  throw new ClusterError(
    `${component.name} did not become healthy (${reason}); its log ${log} ends: ${await lastLines(log)}`,
  );
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-4).join(' / ');
}
