/** One outage under load: what `/readyz` says meanwhile, how busy the replicas get, and how long recovery takes. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryDatabase } from '../../support/postgres.ts';
import type { ApiCount } from './api-proxy.ts';
import { Load } from './load.ts';
import type { Scene } from './scene.ts';

export interface Outage {
  name: string;
  /** What `/readyz` must name while it lasts; undefined when nothing is out of reach for long. */
  part?: 'store' | 'cluster';
  /** Lasts as long as it does, and leaves everything as it was before. */
  happen(scene: Scene): Promise<unknown>;
}

export interface OutageReport {
  name: string;
  seconds: number;
  problems: string[];
  broken: Record<string, string[]>;
  /** Parts that `/readyz` named while it lasted. */
  named: string[];
  /** Until each replica's `/readyz` was fine again. */
  readySeconds: number;
  /** Until an operation ended again. */
  firstEndSeconds: number;
  /** Until the last operation ended that began before the outage was over. */
  drainedSeconds: number;
  api: ApiCount;
  postgresConnectionsPerSecond: number;
  /** Connections that nobody took, on the whole machine: an upper bound for ours. */
  refusedPerSecond: number;
  lives: number;
}

const livesPerSecond = 1;
const mostLives = 16;

/** @throws Error when a replica does not become ready again within two minutes */
export async function underLoad(scene: Scene, outage: Outage): Promise<OutageReport> {
  const { api, postgres, platform } = scene;
  const load = new Load(platform);
  const over = Promise.withResolvers<void>();
  const stream = load.stream(livesPerSecond, over.promise, mostLives);
  try {
    await sleep(4_000);

    const readiness = new Readiness(scene);
    const connectionsBefore = postgres.proxy.connections();
    const refusedBefore = await refusedConnections();
    const startedAt = performance.now();
    await outage.happen(scene);
    const seconds = (performance.now() - startedAt) / 1000;
    const restoredAt = new Date();
    const apiCount = api.countSince(startedAt);
    const named = await readiness.stop();
    const connections = postgres.proxy.connections() - connectionsBefore;
    const refused = (await refusedConnections()) - refusedBefore;

    const readySeconds = await untilReady(scene, restoredAt);
    await sleep(5_000);
    over.resolve();
    await stream;
    const ends = await endings(postgres.directUrl, restoredAt);
    await load.remove(12);
    const { broken } = await scene.judge();
    return {
      ...{ name: outage.name, seconds, named, readySeconds, ...ends, broken },
      problems: load.problems(),
      api: apiCount,
      postgresConnectionsPerSecond: connections / seconds,
      refusedPerSecond: refused / seconds,
      lives: load.count('provision'),
    };
  } finally {
    over.resolve();
    await stream.catch(() => undefined);
  }
}

/** Asks every replica every second what it is not ready for. */
class Readiness {
  readonly #named = new Set<string>();
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(scene: Scene) {
    this.#running = this.#look(scene);
  }

  async stop(): Promise<string[]> {
    this.#stopped = true;
    await this.#running;
    return [...this.#named].sort();
  }

  async #look({ replicas }: Scene): Promise<void> {
    while (!this.#stopped) {
      for (const part of (await Promise.all(replicas.urls().map(notReadyFor))).flat()) this.#named.add(part);
      await sleep(1_000);
    }
  }
}

/** Parts that a replica says it cannot reach; `answer` when it does not answer at all. */
async function notReadyFor(url: string): Promise<string[]> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const { checks } = (await answer.json()) as { checks: Record<string, boolean> };
    const failed = Object.keys(checks).filter((name) => checks[name] === false);
    return (answer.status === 200) === (failed.length === 0) ? failed : ['a status that does not fit'];
  } catch {
    return ['answer'];
  }
}

async function untilReady({ replicas }: Scene, since: Date): Promise<number> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const failed = (await Promise.all(replicas.urls().map(notReadyFor))).flat();
    if (failed.length === 0) return (Date.now() - since.getTime()) / 1000;
    if (Date.now() > deadline) throw new Error(`not ready again: ${failed.join(', ')}`);
    await sleep(200);
  }
}

async function endings(
  databaseUrl: string,
  restoredAt: Date,
): Promise<{ firstEndSeconds: number; drainedSeconds: number }> {
  const [row] = await queryDatabase<{ first: Date | null; last: Date | null }>(
    databaseUrl,
    `select min(finished_at) as first, max(finished_at) filter (where created_at < $1) as last
     from operations where finished_at > $1`,
    [restoredAt],
  );
  const secondsTo = (time: Date | null | undefined) =>
    time == null ? 0 : (time.getTime() - restoredAt.getTime()) / 1000;
  return { firstEndSeconds: secondsTo(row?.first), drainedSeconds: secondsTo(row?.last) };
}

/** Connection attempts that failed since the machine started, as Linux counts them; 0 elsewhere. */
async function refusedConnections(): Promise<number> {
  const text = await readFile('/proc/net/snmp', 'utf8').catch(() => '');
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Tcp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('AttemptFails')] ?? 0);
}
