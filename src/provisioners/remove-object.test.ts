import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { identityLabels } from '../lib/labels.ts';
import { removeObject } from './remove-object.ts';
import type { InstanceTarget } from './types.ts';

const identity = { installationId: 'installation', instanceUid: 'instance' };
const item = { apiVersion: 'v1', kind: 'Service', namespace: 'own', name: 'db' };
let cluster: FakeCluster;
let target: InstanceTarget;
beforeEach(() => {
  cluster = new FakeCluster();
  cluster.addNamespace('own');
  target = { cluster, identity, namespace: 'own' } as unknown as InstanceTarget;
});
afterEach(() => cluster.close());

async function make(metadata: object = {}): Promise<KubeObject & { uid: string }> {
  const labels = identityLabels(identity);
  const made = await cluster.create({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'own', labels, ...metadata } },
  });
  cluster.requests.splice(0);
  return { ...made, uid: made.metadata.uid ?? '' };
}
const verbs = () => cluster.requests.map(({ verb }) => verb);

describe('removeObject', () => {
  test('deletes a known object under its uid, and is gone the next time', async () => {
    const { uid } = await make();
    expect(await removeObject({ ...item, objectUid: uid }, undefined, target)).toBe('deleting');
    expect(await removeObject({ ...item, objectUid: uid }, undefined, target)).toBe('gone');
    expect(verbs()).toEqual(['delete', 'delete']);
  });

  test('leaves an object alone that took the name of a known one', async () => {
    await make();
    expect(await removeObject({ ...item, objectUid: 'of-an-earlier-one' }, undefined, target)).toBe('gone');
    expect(await cluster.get(item)).toBeDefined();
  });

  test('asks for nothing while an object is seen to be terminating', async () => {
    const { uid, ...object } = await make();
    const metadata = { ...object.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' };
    expect(await removeObject({ ...item, objectUid: uid }, { ...object, metadata }, target)).toBe('deleting');
    expect(verbs()).toEqual([]);
  });

  test('finds an object that was planned and never confirmed by its name', async () => {
    await make();
    expect(await removeObject(item, undefined, target)).toBe('deleting');
    expect(await cluster.get(item)).toBeUndefined();
    expect(await removeObject(item, undefined, target)).toBe('gone');
  });

  test.each<[string, Record<string, string>]>([
    ['has no labels', {}],
    ['belongs to another instance', identityLabels({ ...identity, instanceUid: 'another' })],
    ['belongs to another Chandler', identityLabels({ ...identity, installationId: 'another' })],
  ])('leaves a planned one alone that %s', async (_what, labels) => {
    await make({ labels });
    expect(await removeObject(item, undefined, target)).toBe('gone');
    expect(verbs()).toEqual(['get']);
    expect(await cluster.get(item)).toBeDefined();
  });

  test('tells a passing failure from a final one', async () => {
    const { uid } = await make();
    const failing = async (error: KubeError) => {
      cluster.failNext(({ verb }) => verb === 'delete', error);
      return removeObject({ ...item, objectUid: uid }, undefined, target);
    };
    await expect(failing(new KubeError(503, '', 'down'))).rejects.toMatchObject({
      code: 'ClusterUnreachable',
    });
    const refused = failing(new KubeError(403, 'Forbidden', 'services "db" is forbidden'));
    await expect(refused).rejects.toMatchObject({ code: 'ResourceFailed' });
    await expect(refused).rejects.toThrow('Service db could not be deleted: services "db" is forbidden');
  });
});
