/** Postgres and the API server go away in every way they can, under load: nothing is lost, and all recovers by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiMode } from './support/api-proxy.ts';
import { table } from './support/numbers.ts';
import { type Outage, type OutageReport, underLoad } from './support/outage.ts';
import { createScene, type Scene } from './support/scene.ts';

/** Of two replicas, on average. Each request of a client that finds no Postgres costs one connection: far from a hot loop. */
const apiBoundPerSecond = 60;
const postgresBoundPerSecond = 60;
/** From the end of an outage to the last operation that it held up. */
const recoveryBoundSeconds = 60;

let scene: Scene;
const reports: OutageReport[] = [];
beforeAll(async () => {
  scene = await createScene({ replicas: [{}, {}], patienceMs: 300_000 });
});
afterAll(async () => {
  print();
  await scene?.close();
});

function api(mode: ApiMode, seconds: number): Outage['happen'] {
  return async (scene) => {
    await scene.api.switchTo(mode);
    await sleep(seconds * 1000);
    await scene.api.switchTo('pass');
  };
}

const outages: Outage[] = [
  { name: 'Postgres stopped for 20 s', part: 'store', happen: ({ postgres }) => postgres.stopFor(20) },
  {
    name: 'Postgres restarted -m immediate',
    happen: ({ postgres }) => postgres.restartImmediately(),
  },
  {
    name: 'all sessions terminated, five times',
    async happen({ postgres }) {
      for (let round = 0; round < 5; round += 1) {
        await postgres.terminateSessions();
        await sleep(2_000);
      }
    },
  },
  {
    name: 'Postgres half open for 30 s',
    part: 'store',
    async happen({ postgres }) {
      postgres.proxy.swallow();
      await sleep(30_000);
      postgres.proxy.restore();
    },
  },
  { name: 'API server away for 60 s', part: 'cluster', happen: api('refuse', 60) },
  { name: 'API server hangs for 30 s', part: 'cluster', happen: api('hang', 30) },
  { name: 'API server answers 429 for 30 s', part: 'cluster', happen: api('throttle', 30) },
  { name: 'API server slow for 20 s', happen: api('slow', 20) },
  { name: 'API server half open for 30 s', part: 'cluster', happen: api('half open', 30) },
  { name: 'watches cut every 2 s, for 30 s', happen: api('cut watches', 30) },
];

describe('under a few provisions and binds each second', () => {
  it.each(outages)(
    '$name: all operations end well, and nothing runs hot',
    async (outage) => {
      const pids = [0, 1].map((index) => scene.replicas.at(index).pid);
      const report = await underLoad(scene, outage);
      reports.push(report);
      print(report);
      expect(report.problems).toEqual([]);
      expect(report.broken).toEqual({});
      if (outage.part !== undefined) expect(report.named).toEqual([outage.part]);
      expect(report.api.perSecond).toBeLessThan(apiBoundPerSecond);
      expect(report.postgresConnectionsPerSecond).toBeLessThan(postgresBoundPerSecond);
      expect(report.refusedPerSecond).toBeLessThan(apiBoundPerSecond);
      expect(report.drainedSeconds).toBeLessThan(recoveryBoundSeconds);
      // Without a restart.
      for (const pid of pids) expect(() => process.kill(pid, 0)).not.toThrow();
    },
    420_000,
  );
});

function print(...only: OutageReport[]): void {
  const shown = only.length > 0 ? only : reports;
  const head = [
    '',
    'lives',
    'readyz names',
    'ready',
    'first end',
    'drained',
    'API/s (most)',
    'Postgres connects/s',
  ];
  const rows = shown.map((report) => [
    report.name,
    String(report.lives),
    report.named.join(' ') || '-',
    `${report.readySeconds.toFixed(1)} s`,
    `${report.firstEndSeconds.toFixed(1)} s`,
    `${report.drainedSeconds.toFixed(1)} s`,
    `${report.api.perSecond.toFixed(1)} (${report.api.mostInOneSecond}), refused ${report.refusedPerSecond.toFixed(1)}`,
    report.postgresConnectionsPerSecond.toFixed(1),
  ]);
  console.log(`chaos, outages\n${table([head, ...rows])}`);
}
