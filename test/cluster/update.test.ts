/** An instance changes its plan and its parameters, and a binding its credentials, on a real PostgreSQL in real pods. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { apps, core, type Login, logIn, runSql } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { type PlanIds, PlatformInstance } from '../support/platform-instance.ts';

let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;
let small: PlanIds;
let standard: PlanIds;
let instance: PlatformInstance;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  broker = await home.start();
  const { body } = await broker.client.expect([200], 'GET', '/v2/catalog');
  const [service] = body.services as { id: string; plans: { id: string; name: string }[] }[];
  const planNamed = (name: string): PlanIds => ({
    service_id: service?.id ?? '',
    plan_id: service?.plans.find((plan) => plan.name === name)?.id ?? '',
  });
  [small, standard] = [planNamed('small'), planNamed('standard')];
  instance = new PlatformInstance(small, app.name);
  await instance.provision(broker);
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

function patch(body: JsonObject, query = '?accepts_incomplete=true') {
  return broker.client.call('PATCH', `${instance.path}${query}`, { service_id: small.service_id, ...body });
}

async function databaseNamespace(): Promise<string> {
  return (await namespacesOf(home, instance.id))[0]?.metadata?.name ?? '';
}

const bindings = { first: randomUUID(), successor: randomUUID() };
let login: Login;
let successor: Login;

it('moves to a larger plan: the pod gets more memory, the volume grows, the data and the login stay', async () => {
  login = await instance.bind(broker, bindings.first);
  await runSql(login, `create table kept as select 'before the update' as line`);

  const accepted = await patch({ plan_id: standard.plan_id });
  expect(accepted.status).toBe(202);
  const fetched = await broker.client.call('GET', instance.path);
  expect([fetched.status, fetched.body.error]).toEqual([422, 'ConcurrencyError']);
  await instance.untilFinished(broker);

  expect((await broker.client.expect([200], 'GET', instance.path)).body).toMatchObject(standard);
  const namespace = await databaseNamespace();
  const { items } = await apps().listNamespacedStatefulSet({ namespace });
  const [container] = items[0]?.spec?.template.spec?.containers ?? [];
  expect(container?.resources?.limits).toMatchObject({ memory: '1Gi' });
  const claims = await core().listNamespacedPersistentVolumeClaim({ namespace });
  expect(claims.items.map(({ spec }) => spec?.resources?.requests?.storage)).toEqual(['10Gi']);
  expect(await runSql(login, 'select line from kept')).toEqual([{ line: 'before the update' }]);
});

it('changes a parameter: the server runs with the new value when last_operation says so', async () => {
  const before = await runSql<{ max_connections: string }>(login, 'show max_connections');
  const accepted = await patch({ parameters: { maxConnections: 60 } });
  expect(accepted.status).toBe(202);
  await instance.untilFinished(broker);
  expect(before).not.toEqual([{ max_connections: '60' }]);
  expect(await runSql(login, 'show max_connections')).toEqual([{ max_connections: '60' }]);
});

it('refuses what would shrink the volume, and nothing changes', async () => {
  const refused = await patch({ plan_id: small.plan_id });
  expect(refused.status).toBe(422);
  expect(refused.body.description).toContain('can only grow: it would go from 10Gi to 1Gi');
  expect((await broker.client.expect([200], 'GET', instance.path)).body).toMatchObject(standard);
});

it('rotates a binding: both logins work until the old one is unbound, and the tables stay with the new one', async () => {
  const path = instance.bindingPath(bindings.successor);
  const { body } = await broker.client.expect([201], 'PUT', path, {
    predecessor_binding_id: bindings.first,
  });
  successor = body.credentials as unknown as Login;
  expect(successor.username).not.toBe(login.username);
  expect(successor.password).not.toBe(login.password);
  await runSql(login, `insert into kept values ('by the old login')`);
  await runSql(successor, `insert into kept values ('by the new login')`);
  // Delivered to the namespace of its predecessor, which the request did not name.
  expect(await app.findBindingSecret(bindings.successor)).toMatch(/^b-/);

  await instance.unbind(broker, bindings.first);
  await expect(logIn(login)).rejects.toThrow(/authentication failed|does not exist|not permitted/);
  expect(await runSql(successor, 'select count(*)::int as lines from kept')).toEqual([{ lines: 3 }]);
});

it('is deprovisioned while it is being updated, and leaves nothing', async () => {
  expect((await patch({ parameters: { maxConnections: 80 } })).status).toBe(202);
  const query = `accepts_incomplete=true&service_id=${small.service_id}&plan_id=${standard.plan_id}`;
  await broker.client.expect([202], 'DELETE', `${instance.path}?${query}`);
  await instance.untilFinished(broker);
  expect(await namespacesOf(home)).toEqual([]);
  await expect(app.findBindingSecret(bindings.successor)).rejects.toThrow('no Secret');
});
