/** What can never become ready, on the real cluster: fails long before its deadline, with the reason, and leaves nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { ensurePostgresServers, mayInstallOperators, startKro, stopKro } from '../support/kro.ts';
import { connectTestCluster } from '../support/kube.ts';
import { PlatformInstance } from '../support/platform-instance.ts';

let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  if (mayInstallOperators) {
    const { cluster, close } = await connectTestCluster();
    await ensurePostgresServers(cluster);
    await close();
  }
  home = await createBrokerHome({ CHANDLER_CATALOG: 'test/support/trouble/catalog' });
  broker = await home.start();
}, 600_000);
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
});

async function expectFailure(plan: string, sentence: RegExp): Promise<void> {
  const instance = new PlatformInstance(
    { service_id: 'trouble-service', plan_id: `trouble-${plan}` },
    'default',
  );
  const startedAt = performance.now();
  await instance.startProvision(broker);
  const failure = await instance.untilFinished(broker).then(
    () => 'it became ready',
    (thrown: Error) => thrown.message,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${plan}, after ${seconds.toFixed(1)} s: ${failure}`);
  await instance.deprovision(broker);
  expect(failure).toMatch(sentence);
  expect(failure).toContain('It did not change for 20 s.');
  // The deadline is ten minutes; a crash loop is given up only while its container does not run.
  expect(seconds).toBeLessThan(120);
  expect(await namespacesOf(home, instance.id)).toEqual([]);
}

describe('a provision that can never become ready', () => {
  it.concurrent.each([
    ['image', /Pod \S+-server-0: the image localhost:1\/no-such-image:1 of container main cannot be pulled/],
    [
      'quota',
      /StatefulSet \S+-server gets no pods: the quota \S+-quota of its namespace is exceeded: requested: limits\.memory=32Mi/,
    ],
    ['claim', /PersistentVolumeClaim data-\S+-server-0 gets no volume: .*"no-such-class" not found/],
    ['crash', /Pod \S+-server-0: container main keeps crashing \(exit code 3, \d+ restarts\)/],
    ['room', /Pod \S+-server-0 cannot be scheduled: 0\/1 nodes are available: 1 Insufficient cpu/],
  ])('because of its %s says so', expectFailure);

  it.skipIf(!mayInstallOperators)(
    'because of its operator says so',
    async () => {
      await stopKro();
      try {
        await expectFailure('operator', /No operator has taken notice of PostgresServer \S+-server/);
      } finally {
        await startKro();
      }
    },
    300_000,
  );
});
