/** Two Chandlers with different databases on one cluster, for the same platform and the same OSB ids. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, runSql } from '../support/cluster.ts';
import { namespacesOf, objectsOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const instanceId = randomUUID();
const bindingId = randomUUID();
const namespace = `chandler-test-${instanceId.slice(0, 8)}`;

interface Side {
  home: BrokerHome;
  broker: TestBroker;
  instance: PlatformInstance;
}

let app: AppNamespace;
let staging: Side;
let production: Side;

async function startSide(): Promise<Side> {
  const home = await createBrokerHome();
  const broker = await home.start();
  return { home, broker, instance: new PlatformInstance(await firstPlan(broker), namespace, instanceId) };
}

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), namespace);
  await app.create();
  [staging, production] = [await startSide(), await startSide()];
});

afterAll(async () => {
  for (const side of [staging, production]) if (side !== undefined) await removeInstallation(side.home);
  await app?.remove();
});

async function mirrored({ home }: Side): Promise<string[]> {
  const rows = await queryDatabase<{ namespace: string; name: string; kind: string }>(
    home.databaseUrl,
    'select kind, namespace, name from observed_objects where gone_at is null',
  );
  return rows.map((row) => [row.kind, row.namespace, row.name].join('/')).sort();
}

async function secretsOfApp(): Promise<number> {
  const { items } = await core().listNamespacedSecret({
    namespace,
    labelSelector: `chandler.dev/binding-id=${bindingId}`,
  });
  return items.length;
}

it('make what was asked of each, side by side, and see nothing of each other', async () => {
  await Promise.all([staging, production].map(({ instance, broker }) => instance.provision(broker)));
  const logins = await Promise.all(
    [staging, production].map(({ instance, broker }) => instance.bind(broker, bindingId)),
  );
  expect(new Set(logins.map(({ username }) => username)).size).toBe(2);
  expect(new Set(logins.map(({ host }) => host)).size).toBe(2);
  expect(await secretsOfApp()).toBe(2);

  const [ours, theirs] = [await mirrored(staging), await mirrored(production)];
  expect(ours.length).toBeGreaterThan(8);
  expect(theirs.length).toBe(ours.length);
  expect(ours.filter((object) => theirs.includes(object))).toEqual([]);
});

it('remove what is their own, and leave the other one as it was', async () => {
  const kept = await objectsOf(production.home, instanceId);
  const login = await production.instance.credentials(production.broker, bindingId);
  await runSql(login, 'create table kept (id int)');

  await staging.instance.deprovision(staging.broker);

  expect(await namespacesOf(staging.home)).toEqual([]);
  expect(await objectsOf(production.home, instanceId)).toEqual(kept);
  expect(await runSql(login, 'select * from kept')).toEqual([]);
  expect(await secretsOfApp()).toBe(1);
  await production.instance.deprovision(production.broker);
  expect(await secretsOfApp()).toBe(0);
});
