import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import type { KubeObject } from '../kube/types.ts';
import { checkPolicy } from './policy.ts';

let cluster: FakeCluster;
beforeAll(() => {
  cluster = new FakeCluster();
});
afterAll(() => cluster.close());

const object = (kind: string, metadata: object = {}, apiVersion = 'v1'): KubeObject => ({
  ...{ apiVersion, kind, metadata: { name: 'a', ...metadata } },
});

describe('checkPolicy', () => {
  test('lets namespaced objects pass, with the namespace of the instance or none', async () => {
    const objects = [object('Service'), object('Secret', { namespace: 'own' })];
    await expect(checkPolicy(objects, 'own', cluster)).resolves.toBeUndefined();
  });

  test.each<[string, KubeObject, string]>([
    ['another namespace', object('Service', { namespace: 'app' }), 'Service a names another namespace (app)'],
    ['the namespace of the cluster itself', object('Service', { namespace: 'kube-system' }), '(kube-system)'],
    ['an empty namespace', object('Service', { namespace: '' }), 'another namespace'],
    [
      'a hook',
      object('Job', { annotations: { 'helm.sh/hook': 'pre-delete' } }, 'batch/v1'),
      'Job a is a Helm hook',
    ],
    [
      'a cluster role',
      object('ClusterRole', {}, 'rbac.authorization.k8s.io/v1'),
      'ClusterRole a is cluster-scoped',
    ],
    ['a namespace', object('Namespace'), 'Namespace a is cluster-scoped'],
  ])('refuses %s, also as the last of many, and names it', async (_what, odd, words) => {
    const checked = checkPolicy([object('Service'), object('Secret'), odd], 'own', cluster);
    await expect(checked).rejects.toMatchObject({ code: 'ApplyRejected' });
    await expect(checked).rejects.toThrow(words);
  });

  test('asks the cluster for nothing that would count as a request', async () => {
    const before = cluster.requests.length;
    await checkPolicy([object('Service')], 'own', cluster);
    expect(cluster.requests).toHaveLength(before);
  });
});
