/** Two brokers on one database share the work; when one is killed, the other finishes what it had begun. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/cluster.ts';
import {
  countByKind,
  namespacesOf,
  objectsOf,
  oneInstance,
  removeInstallation,
} from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';

const instanceCount = 4;

let app: AppNamespace;
let home: BrokerHome;
let doomed: TestBroker;
let survivor: TestBroker;
let instances: PlatformInstance[];

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  // Each may work on two at a time, so that both must work.
  const environment = { CHANDLER_LEASE_SECONDS: '5', CHANDLER_WORKER_CONCURRENCY: '2' };
  doomed = await home.start(environment);
  survivor = await home.start(environment);
  const plan = await firstPlan(doomed);
  instances = Array.from({ length: instanceCount }, () => new PlatformInstance(plan, app.name));
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

/** Uids of the operations that brokers wrote down as succeeded. */
function succeeded(...brokers: TestBroker[]): (string | undefined)[] {
  return brokers
    .flatMap((broker) => broker.lines())
    .filter(({ message }) => message === 'operation succeeded')
    .map(({ operationUid }) => operationUid);
}

function claimedBy(broker: TestBroker): Set<string | undefined> {
  const claims = broker.lines().filter(({ message }) => message === 'operation claimed');
  return new Set(claims.map(({ operationUid }) => operationUid));
}

it('each instance is provisioned once, also those that the killed broker worked on', async () => {
  const tokens = await Promise.all(
    instances.map((instance, index) => instance.startProvision(index % 2 === 0 ? doomed : survivor)),
  );
  await eventually('both work, and the first applied a chart', async () =>
    claimedBy(survivor).size > 0 &&
    doomed.lines().some(({ message, kind }) => message === 'object applied' && kind === 'Service')
      ? true
      : undefined,
  );
  await doomed.kill('SIGKILL');
  const killedAt = Date.now();
  expect(claimedBy(doomed).size).toBeGreaterThan(0);
  expect(succeeded(doomed, survivor).length).toBeLessThan(instanceCount);

  await Promise.all(instances.map((instance) => instance.untilFinished(survivor)));

  console.log(
    `${instanceCount} instances were ready ${((Date.now() - killedAt) / 1000).toFixed(1)} s after the kill; ` +
      `the killed broker had claimed ${claimedBy(doomed).size} of them`,
  );
  expect(succeeded(doomed, survivor).sort()).toEqual([...tokens].sort());
  expect(await namespacesOf(home)).toHaveLength(instanceCount);
  for (const { id } of instances) {
    expect(countByKind((await objectsOf(home, id)).keys())).toEqual(oneInstance);
  }
});

it('both deprovision, and nothing is left', async () => {
  const second = await home.start();
  await Promise.all(
    instances.map((instance, index) => instance.deprovision(index % 2 === 0 ? second : survivor)),
  );
  expect(await namespacesOf(home)).toEqual([]);
});
