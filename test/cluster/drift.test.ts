/** What somebody changes or deletes in a real instance is told without its values, and put back with the data kept. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { type CatalogCopy, copyCatalog } from '../support/catalog-copy.ts';
import { apps, core, decoded, eventually, type Login, runSql } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const canary = 'canary-4711';
let app: AppNamespace;
let home: BrokerHome;
let catalog: CatalogCopy;
let broker: TestBroker;
let instance: PlatformInstance;
let login: Login;
let namespace: string;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  catalog = await copyCatalog({});
  const file = join(catalog.folder, 'postgresql.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('\nsync: ', '\ndrift: repair\nsync: '));
  home = await createBrokerHome();
  broker = await home.start({
    CHANDLER_CATALOG: catalog.folder,
    CHANDLER_SWEEP_SECONDS: '1',
    CHANDLER_DRIFT_SECONDS: '2',
  });
  instance = new PlatformInstance(await firstPlan(broker), app.name);
  await instance.provision(broker);
  login = await instance.bind(broker, randomUUID());
  await runSql(login, `create table kept as select 'before' as line`);
  namespace = (await namespacesOf(home, instance.id))[0]?.metadata?.name ?? '';
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
  await catalog?.remove();
});

const query = <Row extends object>(sql: string) => queryDatabase<Row>(home.databaseUrl, sql);

async function untilRepaired(times: number): Promise<void> {
  await eventually(
    `${times} repairs have succeeded`,
    async () => {
      const done = await query<{ state: string }>(`select state from operations where type = 'repair'`);
      return done.length === times && done.every(({ state }) => state === 'succeeded') ? true : undefined;
    },
    120_000,
  );
}

async function untilLookedAt(): Promise<void> {
  await query('update service_instances set drift_checked_at = null');
  await eventually('the instance was looked at', async () => {
    const [row] = await query<{ looked: boolean }>(
      'select drift_checked_at is not null as looked from service_instances',
    );
    return row?.looked === true ? true : undefined;
  });
  // The look is noted when it begins.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}

const findings = () => query<{ kind: string; object_kind: string }>('select kind, object_kind from findings');

it('finds nothing in an instance that nobody touched', async () => {
  await untilLookedAt();
  expect(await findings()).toEqual([]);
  expect(broker.lines().filter(({ message }) => /drift|faulted/.test(message))).toEqual([]);
});

it('tells of a Secret, a ConfigMap and a Service that were edited, and puts them back', async () => {
  const [secret] = (await core().listNamespacedSecret({ namespace })).items;
  const maps = await core().listNamespacedConfigMap({ namespace, labelSelector: 'chandler.dev/instance' });
  const [map] = maps.items;
  const [service] = (await core().listNamespacedService({ namespace })).items;
  if (secret === undefined || map === undefined || service?.spec?.ports?.[0] === undefined) {
    throw new Error('the instance lacks an object');
  }
  const [passwordBefore, mapBefore] = [decoded(secret).password, structuredClone(map.data)];
  const names = { secret: secret.metadata?.name ?? '', map: map.metadata?.name ?? '' };
  const serviceName = service.metadata?.name ?? '';
  const targetBefore = service.spec.ports[0].targetPort;
  const from = broker.lines().length;

  await core().replaceNamespacedSecret({
    ...{ name: names.secret, namespace },
    body: { ...secret, data: { ...secret.data, password: Buffer.from(canary).toString('base64') } },
  });
  const [key = ''] = Object.keys(map.data ?? {});
  const body = { ...map, data: { ...map.data, [key]: canary } };
  await core().replaceNamespacedConfigMap({ name: names.map, namespace, body });
  service.spec.ports[0].targetPort = canary;
  await core().replaceNamespacedService({ name: serviceName, namespace, body: service });

  await untilRepaired(1);
  const told = broker
    .lines()
    .slice(from)
    .filter(({ message }) => message === 'drift found');
  expect(told.map(({ kind }) => kind).sort()).toEqual(['ConfigMap', 'Secret', 'Service']);
  const printed = JSON.stringify(told);
  expect(printed).toContain('data.password');
  expect(printed).toContain('spec.ports[0].targetPort');
  for (const value of [canary, Buffer.from(canary).toString('base64')])
    expect(broker.log()).not.toContain(value);

  expect(decoded(await core().readNamespacedSecret({ name: names.secret, namespace })).password).toBe(
    passwordBefore,
  );
  expect((await core().readNamespacedConfigMap({ name: names.map, namespace })).data).toEqual(mapBefore);
  const after = await core().readNamespacedService({ name: serviceName, namespace });
  expect(after.spec?.ports?.[0]?.targetPort).toEqual(targetBefore);
  await untilLookedAt();
  expect(await findings()).toEqual([]);

  const polled = await broker.client.expect([200], 'GET', `${instance.path}/last_operation`);
  expect(polled.body).toEqual({ state: 'succeeded', description: 'The service instance is ready.' });
});

it('makes a StatefulSet anew that was deleted, on the volume that is still there', async () => {
  // As if the pause after the last repair were over.
  await query(`update operations set created_at = created_at - interval '2 hours' where type = 'repair'`);
  const [set] = (await apps().listNamespacedStatefulSet({ namespace })).items;
  const claims = async () => {
    const { items } = await core().listNamespacedPersistentVolumeClaim({ namespace });
    return items.map(({ metadata }) => metadata?.uid);
  };
  const before = await claims();
  await apps().deleteNamespacedStatefulSet({ name: set?.metadata?.name ?? '', namespace });
  await untilRepaired(2);
  expect(await claims()).toEqual(before);
  expect((await apps().listNamespacedStatefulSet({ namespace })).items[0]?.metadata?.uid).not.toBe(
    set?.metadata?.uid,
  );
  expect(await runSql(login, 'select line from kept')).toEqual([{ line: 'before' }]);
});
