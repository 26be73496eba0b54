/** A broker that is asked to end hands over what it works on, and is gone well before Kubernetes kills it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BlackHole, startBlackHole } from '../support/black-hole.ts';
import { type BrokerHome, createBrokerHome, type LogLine, type TestBroker } from '../support/broker.ts';
import { countByKind, objectsOf, oneInstance, removeInstallation } from '../support/installation.ts';
import { firstPlan, type PlanIds, PlatformInstance } from '../support/platform-instance.ts';

/** Kubernetes waits for 30 s. */
const longestStopMs = 25_000;
/** Much longer than anything here may take: nobody gets an operation by waiting for its lease. */
const longLease = { CHANDLER_LEASE_SECONDS: '60' };
const shortLease = { CHANDLER_LEASE_SECONDS: '5' };

let app: AppNamespace;
let home: BrokerHome;
let plan: PlanIds;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  const broker = await home.start(longLease);
  plan = await firstPlan(broker);
  await broker.kill('SIGTERM');
});
afterEach(() => home.stop());
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

/** Looks often enough to act between two objects of a chart. */
async function lineOf(brokers: TestBroker[], fits: (line: LogLine) => boolean): Promise<TestBroker> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const found = brokers.find((broker) => broker.lines().some(fits));
    if (found !== undefined) return found;
    await sleep(3);
  }
  throw new Error(`the line did not come:\n${brokers.map((broker) => broker.log()).join('\n')}`);
}

const applied = (kind: string) => (line: LogLine) => line.message === 'object applied' && line.kind === kind;

async function stopInTime(broker: TestBroker): Promise<number> {
  const begun = performance.now();
  await Promise.race([broker.kill('SIGTERM'), sleep(longestStopMs + 5_000)]);
  const took = performance.now() - begun;
  expect(took).toBeLessThan(longestStopMs);
  return took;
}

it('SIGTERM in the middle of a provision: the other replica goes on at once, and there is one instance', async () => {
  const brokers = [await home.start(longLease), await home.start(longLease)];
  const instance = new PlatformInstance(plan, app.name);
  const [one] = brokers as [TestBroker];
  const operationUid = await instance.startProvision(one);
  const ends = await lineOf(brokers, applied('PersistentVolumeClaim'));
  const goesOn = brokers.find((broker) => broker !== ends) as TestBroker;
  const askedAt = Date.now();
  const took = await stopInTime(ends);

  const handed = (line: LogLine) =>
    line.message === 'operation handed over' && line.operationUid === operationUid;
  expect(ends.lines().filter(handed), ends.log()).toHaveLength(1);
  const claimed = (line: LogLine) =>
    line.message === 'operation claimed' &&
    line.operationUid === operationUid &&
    Date.parse(line.time) >= askedAt;
  await lineOf([goesOn], claimed);
  const goneOnAfterMs = Date.parse(goesOn.lines().find(claimed)?.time ?? '') - askedAt;
  console.log(
    `the broker ended ${took.toFixed(0)} ms after SIGTERM; the other one went on after ${goneOnAfterMs} ms`,
  );
  expect(goneOnAfterMs).toBeLessThan(2_000);

  await instance.untilFinished(goesOn);
  expect(await instance.stateOf(goesOn, operationUid)).toBe('succeeded');
  expect(countByKind((await objectsOf(home, instance.id)).keys())).toEqual(oneInstance);
  await instance.deprovision(goesOn);
  // In good order, so that the next one may watch at once.
  await goesOn.kill('SIGTERM');
});

describe('a broker ends in time although', () => {
  let hole: BlackHole | undefined;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chandler-drain-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  afterEach(() => {
    hole?.close();
    hole = undefined;
  });

  async function stopInDarkness(broker: TestBroker, dark: BlackHole, what: string): Promise<void> {
    const instance = new PlatformInstance(plan, app.name);
    await instance.startProvision(broker);
    await lineOf([broker], applied('PersistentVolumeClaim'));
    dark.swallow();
    await sleep(100);
    console.log(
      `with ${what} silent the broker ended ${(await stopInTime(broker)).toFixed(0)} ms after SIGTERM`,
    );
    dark.close();
    await home.stop();
    const next = await home.start(shortLease);
    await instance.deprovision(next);
    await next.kill('SIGTERM');
  }

  it('Postgres does not answer', async () => {
    hole = await startBlackHole(home.databaseUrl);
    await stopInDarkness(await home.start({ ...shortLease, DATABASE_URL: hole.url }), hole, 'Postgres');
  });

  it('the API server does not answer', async () => {
    const config = await readFile(inject('kubeconfigPath'), 'utf8');
    const server = /server: (\S+)/.exec(config)?.[1] ?? '';
    hole = await startBlackHole(server);
    const path = join(folder, 'kubeconfig');
    await writeFile(path, config.replace(server, hole.url));
    await stopInDarkness(
      await home.start({ ...shortLease, CHANDLER_KUBECONFIG: path }),
      hole,
      'the API server',
    );
  });
});
