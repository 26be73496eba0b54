/**
 * Detached processes, found again by a mark in their environment rather than by a pid file: a recycled pid
 * never carries the mark, and there is no moment between start and pid file in which a killed `up` loses one.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const markName = 'CHANDLER_CLUSTER_COMPONENT';
const definitionName = 'CHANDLER_CLUSTER_DEFINITION';

/** How one component runs. */
export interface ProcessSpec {
  name: string;
  command: string;
  args: string[];
  /** Files the process reads at its start: when their content changes, it is started anew. */
  configFiles?: string[];
  env?: Record<string, string>;
}

/** A process that carries our mark. */
export interface FoundProcess {
  pid: number;
  component: string;
  executable: string;
  definition: string;
  /** Clock ticks since boot at its start; with the pid it names one process for good. */
  startTime: string;
}

/** Every process started for the cluster, the containers' shims (which inherit the mark) included. */
export async function findProcesses(clusterName: string): Promise<FoundProcess[]> {
  const found: FoundProcess[] = [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (name) => {
      const process = await readProcess(Number(name), clusterName);
      if (process !== undefined) found.push(process);
    }),
  );
  return found.sort((a, b) => a.pid - b.pid);
}

async function readProcess(pid: number, clusterName: string): Promise<FoundProcess | undefined> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    if (!environment.includes(`${markName}=${clusterName}/`)) return undefined;
    const values = new Map(
      environment.split('\0').map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    const [executable, startTime] = await Promise.all([readlink(`/proc/${pid}/exe`), startTimeOf(pid)]);
    const [cluster, component] = (values.get(markName) ?? '').split('/');
    if (cluster !== clusterName || component === undefined || startTime === undefined) return undefined;
    // A program that was replaced while it runs.
    const path = executable.replace(/ \(deleted\)$/, '');
    return { pid, component, executable: path, definition: values.get(definitionName) ?? '', startTime };
  } catch {
    // Ended meanwhile, or a kernel thread.
    return undefined;
  }
}

/** Start time of a process in clock ticks since boot, undefined for one that is gone or only a zombie. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field, the name, may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** The process that runs this component now, if there is one. Its children do not count. */
export function mainProcess(found: FoundProcess[], spec: ProcessSpec): FoundProcess | undefined {
  return found.find(
    (process) => process.component === spec.name && basename(process.executable) === basename(spec.command),
  );
}

/** Changes with the command line, the program and the content of the config files. */
export async function definitionOf(spec: ProcessSpec): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([spec.command, spec.args, spec.env ?? {}]));
  for (const file of spec.configFiles ?? []) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

/** Starts a component in a session of its own, its output appended to a log file. */
export async function startDetached(clusterName: string, logDir: string, spec: ProcessSpec): Promise<void> {
  const definition = await definitionOf(spec);
  const log = await open(join(logDir, `${spec.name}.log`), 'a');
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        ...spec.env,
        [markName]: `${clusterName}/${spec.name}`,
        [definitionName]: definition,
      },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
  } finally {
    await log.close();
  }
}

/** Ends processes, first politely; only those that are still the ones that were found. */
export async function stopProcesses(
  targets: Pick<FoundProcess, 'pid' | 'startTime'>[],
  patienceMs = 5000,
): Promise<void> {
  await signalAll(targets, 'SIGTERM');
  const end = performance.now() + patienceMs;
  let left = await stillThere(targets);
  while (left.length > 0 && performance.now() < end) {
    await sleep(50);
    left = await stillThere(left);
  }
  await killProcesses(left);
}

/** Ends processes at once and waits until they are gone. */
export async function killProcesses(targets: Pick<FoundProcess, 'pid' | 'startTime'>[]): Promise<void> {
  await signalAll(targets, 'SIGKILL');
  const end = performance.now() + 5000;
  while (performance.now() < end && (await stillThere(targets)).length > 0) await sleep(30);
}

async function stillThere<T extends Pick<FoundProcess, 'pid' | 'startTime'>>(targets: T[]): Promise<T[]> {
  const now = await Promise.all(targets.map((target) => startTimeOf(target.pid)));
  return targets.filter((target, index) => now[index] === target.startTime);
}

async function signalAll(
  targets: Pick<FoundProcess, 'pid' | 'startTime'>[],
  signal: NodeJS.Signals,
): Promise<void> {
  for (const target of await stillThere(targets)) {
    try {
      process.kill(target.pid, signal);
    } catch {
      // Ended on its own.
    }
  }
}
