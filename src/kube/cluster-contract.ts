/**
 * What every `Cluster` promises, as cases that the fake and the real one both run. Plain assertions, so that the room
 * depends on no test runner.
 */
import assert from 'node:assert/strict';
import { listContract } from './cluster-contract-list.ts';
import {
  type ContractCase,
  configMap,
  configMapKind,
  eventually,
  isKubeError,
} from './cluster-contract-tools.ts';
import { watchContract } from './cluster-contract-watch.ts';
import type { KubeObject } from './types.ts';

const namespaceKind = { apiVersion: 'v1', kind: 'Namespace' };

function namespaceObject(name: string): KubeObject {
  return { ...namespaceKind, metadata: { name } };
}

/** The cases. Give each a namespace of its own. */
export const clusterContract: ContractCase[] = [
  {
    name: 'knows which kinds are namespaced and which do not exist',
    async run({ cluster }) {
      assert.equal(await cluster.isNamespaced(configMapKind), true);
      assert.equal(await cluster.isNamespaced(namespaceKind), false);
      const unknown = { apiVersion: 'v1', kind: 'Unicorn' };
      await assert.rejects(cluster.isNamespaced(unknown), isKubeError(404, 'UnknownKind'));
      await assert.rejects(cluster.get({ ...unknown, name: 'x' }), isKubeError(404, 'UnknownKind'));
      const old = { apiVersion: 'apps/v0', kind: 'StatefulSet' };
      await assert.rejects(cluster.isNamespaced(old), { reason: 'UnknownKind', servedIn: ['apps/v1'] });
      const { gitVersion, apiVersions } = await cluster.version();
      assert.match(gitVersion, /^v1\.\d+/);
      for (const each of ['v1', 'v1/Secret', 'apps/v1', 'apps/v1/StatefulSet'])
        assert.ok(apiVersions.includes(each));
      assert.equal(await cluster.ready(), true);
    },
  },
  {
    name: 'gives undefined for what is not there',
    async run({ cluster, namespace, otherNamespace }) {
      assert.equal(await cluster.get({ ...configMapKind, namespace, name: 'absent' }), undefined);
      assert.equal(
        await cluster.get({ ...configMapKind, namespace: otherNamespace, name: 'absent' }),
        undefined,
      );
    },
  },
  {
    name: 'creates an object once',
    async run(context) {
      const made = await context.cluster.create(configMap(context, 'once', { a: '1' }));
      assert.ok(made.metadata.uid && made.metadata.resourceVersion);
      const again = context.cluster.create(configMap(context, 'once'));
      await assert.rejects(again, isKubeError(409, 'AlreadyExists'));
      const { namespace } = context;
      assert.deepEqual((await context.cluster.get({ ...configMapKind, namespace, name: 'once' }))?.data, {
        a: '1',
      });
    },
  },
  {
    name: 'notes on an object who applied it, and under which version',
    async run(context) {
      const made = await context.cluster.create(configMap(context, 'applied'));
      const ours = ({ metadata: { managedFields } }: KubeObject) =>
        (Array.isArray(managedFields) ? (managedFields as Record<string, string>[]) : [])
          .filter(({ operation }) => operation === 'Apply')
          .map(({ manager, apiVersion }) => ({ manager, apiVersion }));
      assert.deepEqual(ours(made), []);
      for (const a of ['1', '2']) {
        const { object } = await context.cluster.apply(configMap(context, 'applied', { a }));
        assert.deepEqual(ours(object), [{ manager: 'chandler', apiVersion: 'v1' }]);
      }
      const [listed] = await context.cluster.list(configMapKind, { namespace: context.namespace });
      assert.ok(listed !== undefined && ours(listed).length === 1);
    },
  },
  {
    name: 'refuses names that could lead a path elsewhere',
    async run({ cluster, namespace }) {
      for (const name of ['..', '', 'a/b', '../secrets', '%2e%2e', 'UPPER', 'a b', 'x'.repeat(254), 'ä']) {
        const reference = { ...configMapKind, namespace, name };
        const object = { ...configMapKind, metadata: { namespace, name } };
        const refused = isKubeError(400, 'InvalidName');
        await assert.rejects(cluster.get(reference), refused, name);
        await assert.rejects(cluster.delete(reference, { uid: 'u' }), refused, name);
        await assert.rejects(cluster.create(object), refused, name);
        await assert.rejects(cluster.apply(object), refused, name);
      }
      for (const wrong of ['..', `${namespace}/../kube-system`, 'kube.system', 'x'.repeat(64)]) {
        const refused = isKubeError(400, 'InvalidName');
        await assert.rejects(cluster.get({ ...configMapKind, namespace: wrong, name: 'x' }), refused, wrong);
        await assert.rejects(cluster.list(configMapKind, { namespace: wrong }), refused, wrong);
      }
      await assert.rejects(cluster.get({ ...configMapKind, name: 'x' }), isKubeError(400, 'InvalidName'));
      await assert.rejects(
        cluster.get({ ...namespaceKind, namespace, name: 'x' }),
        isKubeError(400, 'InvalidName'),
      );
    },
  },
  {
    name: 'makes nothing in a namespace that does not exist',
    async run(context) {
      const object = configMap({ ...context, namespace: context.otherNamespace }, 'lost');
      await assert.rejects(context.cluster.create(object), isKubeError(404, 'NotFound'));
      await assert.rejects(context.cluster.apply(object), isKubeError(404, 'NotFound'));
    },
  },
  {
    name: 'applies: makes, changes, leaves alone what is the same, and prunes what it applied before',
    async run(context) {
      const { cluster } = context;
      const first = await cluster.apply(configMap(context, 'applied', { a: '1', b: '2' }));
      assert.deepEqual(first.warnings, []);
      const same = await cluster.apply(configMap(context, 'applied', { a: '1', b: '2' }));
      assert.equal(same.object.metadata.resourceVersion, first.object.metadata.resourceVersion);
      const pruned = await cluster.apply(configMap(context, 'applied', { a: '3' }));
      assert.deepEqual(pruned.object.data, { a: '3' });
      assert.equal(pruned.object.metadata.uid, first.object.metadata.uid);
      assert.notEqual(pruned.object.metadata.resourceVersion, first.object.metadata.resourceVersion);
    },
  },
  {
    name: 'shows in a dry run what an apply would make of an object, and changes nothing',
    async run(context) {
      const { cluster, namespace } = context;
      const reference = { ...configMapKind, namespace, name: 'dry' };
      const applied = configMap(context, 'dry', { a: '1', b: '2' });
      const { object: live } = await cluster.apply(applied);
      const uid = live.metadata.uid ?? '';
      const withUid = (object: KubeObject): KubeObject => ({
        ...object,
        metadata: { ...object.metadata, uid },
      });
      const same = await cluster.apply(withUid(applied), { dryRun: true });
      assert.deepEqual(same.object.data, live.data);
      const other = await cluster.apply(withUid(configMap(context, 'dry', { a: '3' })), { dryRun: true });
      assert.deepEqual(other.object.data, { a: '3' });
      assert.deepEqual(await cluster.get(reference), live);
      const strange = { ...applied, metadata: { ...applied.metadata, uid: 'another' } };
      await assert.rejects(cluster.apply(strange, { dryRun: true }), isKubeError(409, 'Conflict'));
      await cluster.apply(configMap(context, 'absent'), { dryRun: true });
      assert.equal(await cluster.get({ ...reference, name: 'absent' }), undefined);
    },
  },
  {
    name: 'applies onto a bare object that was created before, and keeps its labels',
    async run(context) {
      const { cluster, namespace } = context;
      const bare = await cluster.create(configMap(context, 'bare'));
      const uid = bare.metadata.uid ?? '';
      const applied = await cluster.apply({
        ...configMapKind,
        metadata: { name: 'bare', namespace, uid },
        data: { a: '1' },
      });
      assert.equal(applied.object.metadata.labels?.['chandler.dev/contract'], namespace);
      assert.deepEqual(applied.object.data, { a: '1' });
    },
  },
  {
    name: 'raises the generation when the spec changes, and only then',
    async run({ cluster, namespace }) {
      const deployment = (paused: boolean, label: string): KubeObject => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        // Of annotations a Deployment counts changes, too: they may be for its pods.
        metadata: { name: 'idle', namespace, labels: { label } },
        spec: {
          replicas: 0,
          paused,
          selector: { matchLabels: { app: 'idle' } },
          template: {
            metadata: { labels: { app: 'idle' } },
            spec: { containers: [{ name: 'none', image: 'none' }] },
          },
        },
      });
      assert.equal((await cluster.apply(deployment(false, 'a'))).object.metadata.generation, 1);
      assert.equal((await cluster.apply(deployment(false, 'b'))).object.metadata.generation, 1);
      assert.equal((await cluster.apply(deployment(true, 'b'))).object.metadata.generation, 2);
    },
  },
  {
    name: 'never brings back a deleted object under its old uid',
    async run(context) {
      const { cluster, namespace } = context;
      const reference = { ...configMapKind, namespace, name: 'dead' };
      const made = await cluster.create(configMap(context, 'dead'));
      const uid = made.metadata.uid ?? '';
      assert.equal(await cluster.delete(reference, { uid }), 'deleting');
      const late = configMap(context, 'dead');
      const stale = { ...late, metadata: { ...late.metadata, uid } };
      await assert.rejects(cluster.apply(stale), isKubeError(409, 'Conflict'));
      assert.equal(await cluster.get(reference), undefined);
      await cluster.create(late);
      await assert.rejects(cluster.apply(stale), isKubeError(409, 'Conflict'));
    },
  },
  {
    name: 'deletes only the object whose uid it was given',
    async run(context) {
      const { cluster, namespace } = context;
      const reference = { ...configMapKind, namespace, name: 'kept' };
      const uid = '00000000-0000-4000-8000-000000000000';
      assert.equal(await cluster.delete(reference, { uid }), 'gone');
      await cluster.create(configMap(context, 'kept'));
      assert.equal(await cluster.delete(reference, { uid }), 'gone');
      assert.ok(await cluster.get(reference));
      await assert.rejects(cluster.delete(reference, { uid: '' }), isKubeError(400, 'InvalidUid'));
      assert.ok(await cluster.get(reference));
    },
  },
  {
    name: 'leaves a deleted object with a finalizer until the finalizer is taken off',
    async run(context) {
      const { cluster, namespace } = context;
      const reference = { ...configMapKind, namespace, name: 'held' };
      const held = configMap(context, 'held');
      const finalizers = ['chandler.dev/contract'];
      const { object } = await cluster.apply({ ...held, metadata: { ...held.metadata, finalizers } });
      const uid = object.metadata.uid ?? '';
      assert.equal(await cluster.delete(reference, { uid }), 'deleting');
      assert.ok((await cluster.get(reference))?.metadata.deletionTimestamp);
      assert.equal(await cluster.delete(reference, { uid }), 'deleting');
      await cluster.apply(held);
      await eventually(async () => (await cluster.get(reference)) === undefined);
    },
  },
  {
    name: 'deletes an object without what it owns, which then has no owner',
    async run(context) {
      const { cluster, namespace } = context;
      const owner = await cluster.create(configMap(context, 'owner'));
      const { uid = '' } = owner.metadata;
      const owned = configMap(context, 'owned');
      const ownerReferences = [{ ...configMapKind, name: 'owner', uid }];
      await cluster.create({ ...owned, metadata: { ...owned.metadata, ownerReferences } });
      const reference = (name: string) => ({ ...configMapKind, namespace, name });
      assert.equal(await cluster.delete(reference('owner'), { uid, orphan: true }), 'deleting');
      await eventually(async () => (await cluster.get(reference('owner'))) === undefined);
      const left = await cluster.get(reference('owned'));
      assert.ok(left);
      assert.equal(left.metadata.ownerReferences, undefined);
    },
  },
  {
    name: 'keeps the type of a Secret',
    async run({ cluster, namespace }) {
      const secret = (type: string): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'typed', namespace },
        type,
        data: { password: Buffer.from('correct horse').toString('base64') },
      });
      await cluster.apply(secret('servicebinding.io/postgresql'));
      await assert.rejects(cluster.apply(secret('servicebinding.io/mysql')), isKubeError(422, 'Invalid'));
    },
  },
  {
    name: 'empties a namespace before it goes, and makes nothing in it meanwhile',
    async run(context) {
      const { cluster, otherNamespace } = context;
      const inside = { ...context, namespace: otherNamespace };
      const reference = { ...namespaceKind, name: otherNamespace };
      const uid = (await cluster.create(namespaceObject(otherNamespace))).metadata.uid ?? '';
      const held = configMap(inside, 'held');
      const finalizers = ['chandler.dev/contract'];
      await cluster.apply({ ...held, metadata: { ...held.metadata, finalizers } });
      await cluster.create(configMap(inside, 'free'));
      assert.equal(await cluster.delete(reference, { uid }), 'deleting');
      assert.ok((await cluster.get(reference))?.metadata.deletionTimestamp);
      assert.equal(await cluster.delete(reference, { uid }), 'deleting');
      await assert.rejects(cluster.create(configMap(inside, 'late')), (error) => {
        return isKubeError(403, 'Forbidden')(error) && /because it is being terminated/.test(String(error));
      });
      await assert.rejects(cluster.apply(configMap(inside, 'late')), isKubeError(403, 'Forbidden'));
      await eventually(async () => {
        const free = { ...configMapKind, namespace: otherNamespace, name: 'free' };
        return (await cluster.get(free)) === undefined;
      });
      await cluster.apply(held);
      await eventually(async () => (await cluster.get(reference)) === undefined);
      assert.equal(await cluster.delete(reference, { uid }), 'gone');
    },
  },
  {
    name: 'tells where a Service is reached',
    async run({ cluster, namespace }) {
      const service = (name: string, spec: object): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace },
        spec: { ports: [{ port: 5432 }], ...spec },
      });
      await cluster.create(service('usual', { selector: { app: 'x' } }));
      await cluster.create(service('headless', { clusterIP: 'None' }));
      await cluster.create(service('outside', { type: 'ExternalName', externalName: 'db.example.com' }));
      const usual = await cluster.reach({ namespace, name: 'usual', port: 5432 });
      assert.match(usual.host, /^[0-9a-f.:]+$/);
      assert.equal(usual.port, 5432);
      for (const name of ['headless', 'outside']) {
        const host = `${name}.${namespace}.svc`;
        assert.deepEqual(await cluster.reach({ namespace, name, port: 1 }), { host, port: 1 });
      }
      await assert.rejects(
        cluster.reach({ namespace, name: 'absent', port: 1 }),
        isKubeError(404, 'NotFound'),
      );
    },
  },
  ...listContract,
  ...watchContract,
];
