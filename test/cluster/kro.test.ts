/** What Chandler may expect of an operator, shown with a real one: kro makes PostgreSQL servers of custom resources. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { KubeObject, ObjectReference } from '../../src/kube/types.ts';
import { core, decoded, eventually, type Login, runSql } from '../support/cluster.ts';
import {
  ensurePostgresServers,
  isReady,
  mayInstallOperators,
  postgresServerKind,
  startKro,
  stopKro,
} from '../support/kro.ts';
import { connectTestCluster, type TestCluster } from '../support/kube.ts';

const childKinds: [apiVersion: string, kind: string][] = [
  ['v1', 'ConfigMap'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['apps/v1', 'StatefulSet'],
];

const admin = { username: 'chandler_admin', password: 'kro-password-canary' };
let test: TestCluster;
let namespace: string;
let login: Login;

const reference = (name: string): ObjectReference => ({ ...postgresServerKind, namespace, name });

function serverNamed(name: string, spec: object = {}): KubeObject {
  return {
    ...postgresServerKind,
    metadata: { namespace, name },
    spec: { adminSecret: 'admin', image: inject('postgresqlImage'), storage: '256Mi', ...spec },
  };
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

async function untilReady(name: string): Promise<KubeObject> {
  return eventually(`${name} is ready`, async () => {
    const found = await test.cluster.get(reference(name));
    return isReady(found) ? found : undefined;
  });
}

async function deleteAndAwait(name: string): Promise<void> {
  const found = await test.cluster.get(reference(name));
  await test.cluster.delete(reference(name), { uid: found?.metadata.uid ?? '' });
  await eventually(`${name} is gone`, async () =>
    (await test.cluster.get(reference(name))) === undefined ? true : undefined,
  );
}

/** What kro made for the server of this uid. */
async function childrenOf(uid: string): Promise<KubeObject[]> {
  const labelSelector = `kro.run/instance-id=${uid}`;
  const found = childKinds.map(([apiVersion, kind]) =>
    test.cluster.list({ apiVersion, kind }, { namespace, labelSelector }),
  );
  return (await Promise.all(found)).flat();
}

describe.skipIf(!mayInstallOperators)('a PostgresServer of kro', () => {
  beforeAll(async () => {
    test = await connectTestCluster();
    await timed('kro is up and serves PostgresServer', () => ensurePostgresServers(test.cluster));
    namespace = test.newName();
    await test.cluster.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'admin', namespace } };
    await test.cluster.create({ ...secret, stringData: admin });
    login = { host: `db.${namespace}.svc`, port: 5432, database: 'postgres', ...admin };
  }, 600_000);

  afterAll(async () => {
    for (const { metadata } of (await test?.cluster.list(postgresServerKind, { namespace })) ?? []) {
      await deleteAndAwait(metadata.name);
    }
    await test?.close();
  });

  it('becomes ready, says where it is, and lets its admin in', async () => {
    await test.cluster.apply(serverNamed('db'));
    await timed('from create to ready', () => untilReady('db'));
    const { status, metadata } = await untilReady('db');
    expect(status).toMatchObject({
      state: 'ACTIVE',
      host: login.host,
      port: 5432,
      readyReplicas: 1,
      connectionSecret: 'db-connection',
    });
    expect(metadata.finalizers).toEqual(['kro.run/finalizer']);
    expect(await runSql(login, 'select current_user as who')).toEqual([{ who: admin.username }]);
  });

  it('puts into a Secret of its own all that it takes to connect', async () => {
    const secret = await core().readNamespacedSecret({ namespace, name: 'db-connection' });
    expect(decoded(secret)).toEqual({ host: login.host, port: '5432', database: 'postgres', ...admin });
  });

  it('marks what it makes with the uid of the custom resource in a label, and owns none of it by reference', async () => {
    const uid = (await test.cluster.get(reference('db')))?.metadata.uid ?? '';
    const children = await childrenOf(uid);
    expect(children.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'ConfigMap/db-config',
      'PersistentVolumeClaim/db-data',
      'Secret/db-connection',
      'Service/db',
      'StatefulSet/db',
    ]);
    for (const { metadata } of children) {
      expect(metadata.labels).toMatchObject({ 'kro.run/instance-name': 'db' });
      expect(metadata.ownerReferences).toBeUndefined();
    }
  });

  it('takes a change of its spec to the server, and is not ready until it has arrived', async () => {
    await test.cluster.apply(serverNamed('db', { maxConnections: 40 }));
    await timed('from update to ready', () => untilReady('db'));
    expect(await runSql(login, 'show max_connections')).toEqual([{ max_connections: '40' }]);
  });

  it('says nothing at all while the operator does not run, and becomes ready once it does', async () => {
    await stopKro();
    try {
      const created = await test.cluster.apply(serverNamed('waiting'));
      await sleep(2_000);
      const found = await test.cluster.get(reference('waiting'));
      expect(found?.status).toBeUndefined();
      expect(found?.metadata.finalizers).toBeUndefined();
      expect(await childrenOf(created.object.metadata.uid ?? '')).toEqual([]);
    } finally {
      await startKro();
    }
    await untilReady('waiting');
  });

  it('takes everything with it when it is deleted, the volume too', async () => {
    const uid = (await test.cluster.get(reference('db')))?.metadata.uid ?? '';
    await timed('from delete to gone', () => deleteAndAwait('db'));
    expect(await childrenOf(uid)).toEqual([]);
    const { items } = await core().listNamespacedPersistentVolumeClaim({ namespace });
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(['waiting-data']);
  });
});
