/**
 * The step matrix on real processes: `chandler serve` armed by CHANDLER_FAILPOINT errs, kills itself or stops itself
 * before and after every step of every verb, on the real API server, with real helm and real logins. It takes 27
 * minutes on two busy cores; CHANDLER_MATRIX_ONLY runs the cells whose names contain it, for example `bind.` or `finish kill`.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { core } from '../support/cluster.ts';
import { namespacesOf } from '../support/installation.ts';
import { type PostgresqlServer, startPostgresqlServer } from '../support/postgresql-server.ts';
import { printMatrix } from '../support/print-matrix.ts';
import { createQuickHome, type QuickHome } from '../support/quick-broker.ts';
import { Platform, type Verb } from './step-matrix/platform.ts';
import { type Cell, modes, rowOf, runLane } from './step-matrix/run-lane.ts';

const making = ['create-login', 'create-secret', 'apply-secret', 'create-configmap', 'apply-configmap'];
const steps: Record<Verb, string[]> = {
  provision: [
    ...['accept', 'plan-namespace', 'create-namespace', 'apply-namespace', 'record-namespace', 'release'],
    ...['plan-admin', 'apply-secret', 'record-secret', 'plan-server', 'apply-configmap', 'record-configmap'],
    ...['apply-service', 'record-service', 'plan-extra', 'prepare-server', 'finish'],
  ],
  update: [
    ...['accept', 'plan-namespace', 'apply-namespace', 'record-namespace', 'plan-admin', 'plan-server'],
    ...['apply-configmap', 'record-configmap'],
    ...['release', 'delete-secret', 'forget-secret', 'prepare-server', 'finish'],
  ],
  bind: ['accept', ...making, 'finish'],
  rotate: ['accept', ...making, 'finish'],
  unbind: ['accept', 'revoke-login', 'delete-secret', 'delete-configmap', 'finish'],
  deprovision: [
    ...['accept', 'revoke-login', 'record-unbind-failed', 'delete-secret', 'delete-configmap'],
    ...['record-unbound', 'record-deprovisioning', 'delete-service', 'release', 'forget-configmap'],
    ...['forget-service', 'forget-secret', 'delete-namespace', 'forget-namespace', 'finish'],
  ],
};
const rows = (Object.keys(steps) as Verb[]).flatMap((verb) =>
  steps[verb].flatMap((step) => (['before', 'after'] as const).map((when) => ({ verb, when, step }))),
);
const only = process.env.CHANDLER_MATRIX_ONLY ?? '';
const nameOf = (cell: Cell) => `${rowOf(cell)} ${cell.mode}`;
const cells = rows
  .flatMap((row) => modes.map((mode): Cell => ({ ...row, mode })))
  .filter((cell) => nameOf(cell).includes(only));

const isFine = (verdict: string) => verdict === 'ok' || verdict.startsWith('swept: ');

/** Cells at a time; each has one or two processes. */
const laneCount = Math.min(4, cells.length);
const longestMs = 45 * 60_000;

let server: PostgresqlServer;
let app: AppNamespace;
const homes: QuickHome[] = [];

beforeAll(async () => {
  server = await startPostgresqlServer(18);
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
});
afterAll(async () => {
  for (const home of homes) {
    await home.stop();
    const left = await namespacesOf(home);
    await Promise.all(
      left.map(({ metadata }) =>
        core()
          .deleteNamespace({ name: metadata?.name ?? '' })
          .catch(() => undefined),
      ),
    );
    await home.remove();
  }
  await server?.stop();
  await app?.remove();
});

it(
  'every failpoint of every verb: the operation ends, once, with the right final state',
  async () => {
    const verdicts = new Map<string, string>();
    const startedAt = Date.now();
    const tell = (cell: Cell, verdict: string) => {
      verdicts.set(nameOf(cell), verdict);
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      console.log(`${verdicts.size}/${cells.length} after ${seconds} s: ${nameOf(cell)}: ${verdict}`);
    };
    const lanes = Array.from({ length: laneCount }, (_none, lane) =>
      cells.filter((_cell, index) => index % laneCount === lane),
    );
    await Promise.all(
      lanes.map(async (own) => {
        const home = await createQuickHome({ server });
        homes.push(home);
        const platform = new Platform(home, app.name);
        const first = await home.start({ CHANDLER_LEASE_SECONDS: '5' });
        await platform.prepare(first, own.filter(({ verb }) => verb === 'rotate').length);
        await first.kill('SIGTERM');
        await runLane({ home, platform, processes: [] }, own, tell);
      }),
    );
    const cellOf = (row: string, mode: string) => {
      const verdict = verdicts.get(`${row} ${mode}`) ?? '-';
      return isFine(verdict) || verdict === '-' ? verdict : 'FAILED';
    };
    printMatrix(
      modes,
      rows.map(rowOf).filter((row) => modes.some((mode) => cellOf(row, mode) !== '-')),
      cellOf,
    );
    console.log(`${cells.length} cells in ${Math.round((Date.now() - startedAt) / 1000)} s`);
    expect([...verdicts].filter(([, verdict]) => !isFine(verdict))).toEqual([]);
  },
  longestMs,
);
