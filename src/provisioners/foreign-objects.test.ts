import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError } from '../kube/types.ts';
import { identityLabels } from '../lib/labels.ts';
import { refuseForeignObjects } from './foreign-objects.ts';
import type { InstanceTarget } from './types.ts';

const identity = { installationId: 'installation', instanceUid: 'instance' };
let cluster: FakeCluster;
let target: InstanceTarget;
beforeEach(() => {
  cluster = new FakeCluster();
  cluster.addNamespace('own');
  cluster.addNamespace('other');
  target = { cluster, identity, namespace: 'own' } as unknown as InstanceTarget;
});
afterEach(() => cluster.close());

const make = (kind: string, name: string, metadata: object = {}, apiVersion = 'v1') =>
  cluster.create({ apiVersion, kind, metadata: { name, namespace: 'own', ...metadata } });

describe('refuseForeignObjects', () => {
  test('lets pass what is ours, what controllers derive, and what Kubernetes puts into every namespace', async () => {
    await make('Secret', 'ours', { labels: identityLabels(identity) });
    await make('ConfigMap', 'kube-root-ca.crt');
    await make('Secret', 'derived', { ownerReferences: [{ kind: 'StatefulSet', name: 'db', uid: 'u' }] });
    await make('Secret', 'elsewhere', { namespace: 'other' });
    await expect(refuseForeignObjects(target)).resolves.toBeUndefined();
  });

  test.each<[string, string, object]>([
    ['PersistentVolumeClaim', 'v1', {}],
    ['Secret', 'v1', {}],
    ['ConfigMap', 'v1', {}],
    ['StatefulSet', 'apps/v1', {}],
    ['Deployment', 'apps/v1', {}],
    ['Secret', 'v1', { labels: identityLabels({ ...identity, installationId: 'another' }) }],
    ['Secret', 'v1', { ownerReferences: [] }],
  ])("names somebody else's %s (%s %j)", async (kind, apiVersion, metadata) => {
    await make(kind, 'theirs', metadata, apiVersion);
    const looked = refuseForeignObjects(target);
    await expect(looked).rejects.toMatchObject({ code: 'ResourceFailed' });
    await expect(looked).rejects.toThrow(
      `The namespace own holds objects that Chandler did not make: ${kind} theirs.`,
    );
  });

  test.each([
    ['an operator labelled with the name of a resource', 'Secret', 'x', { labels: { of: 'i-1-db' } }],
    ['an operator labelled with the uid of an object', 'StatefulSet', 'x', { labels: { of: 'uid-1' } }],
    ['a StatefulSet claimed', 'PersistentVolumeClaim', 'data-i-1-db-0', {}],
  ])('lets pass what %s', async (_, kind, name, metadata) => {
    await make(kind, name, metadata, kind === 'StatefulSet' ? 'apps/v1' : 'v1');
    await expect(refuseForeignObjects(target, new Set(['i-1-db', 'uid-1']))).resolves.toBeUndefined();
    await expect(refuseForeignObjects(target, new Set(['i-1']))).rejects.toThrow(`${kind} ${name}`);
  });

  test('takes no claim for that of a StatefulSet that has no number', async () => {
    await make('PersistentVolumeClaim', 'backup-db');
    await expect(refuseForeignObjects(target, new Set(['db']))).rejects.toThrow('backup-db');
  });

  test('names ten at most', async () => {
    for (let index = 10; index < 22; index += 1) await make('Secret', `s${index}`);
    const looked = refuseForeignObjects(target);
    await expect(looked).rejects.toThrow('Secret s19.');
    await expect(looked).rejects.not.toThrow('Secret s20');
  });

  test('does not take a namespace for empty that it could not look through', async () => {
    cluster.failNext(({ reference }) => reference.kind === 'ConfigMap', new KubeError(503, '', 'down'));
    await expect(refuseForeignObjects(target)).rejects.toMatchObject({ code: 'ClusterUnreachable' });
    cluster.failNext(
      ({ reference }) => reference.kind === 'ConfigMap',
      new KubeError(403, 'Forbidden', 'no'),
    );
    await expect(refuseForeignObjects(target)).rejects.toMatchObject({ code: 'ResourceFailed' });
  });
});
