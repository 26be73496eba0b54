import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanPolicy } from '../domain/policy/types.ts';
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
const rbac = 'rbac.authorization.k8s.io';

function check(objects: KubeObject[], policy?: PlanPolicy) {
  const target = { name: 'i-own', namespace: 'own', cluster, ...(policy === undefined ? {} : { policy }) };
  return checkPolicy(objects, target, { hooks: 'refused', kinds: 'listed' });
}

describe('checkPolicy', () => {
  test('puts objects into the namespace of the instance, whether they name it or none', async () => {
    const checked = await check([object('Service'), object('Secret', { namespace: 'own' })]);
    expect(checked.map(({ metadata }) => metadata.namespace)).toEqual(['own', 'own']);
  });

  test('puts cluster-scoped ones that the plan allows into none, also when the chart names one', async () => {
    const role = object('ClusterRole', { name: 'i-own-a', namespace: 'own' }, `${rbac}/v1`);
    const checked = await check([role], { clusterScoped: [`${rbac}/ClusterRole`] });
    expect(checked).toEqual([{ ...role, metadata: { name: 'i-own-a' } }]);
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
    ['a cluster role', object('ClusterRole', {}, `${rbac}/v1`), 'ClusterRole a is cluster-scoped'],
    ['a namespace', object('Namespace'), 'Namespace a is cluster-scoped'],
    ['a kind that the cluster has not and the plan does not list', object('Odd'), 'Odd a is of a kind that'],
  ])('refuses %s, also as the last of many, and names it', async (_what, odd, words) => {
    const checked = check([object('Service'), object('Secret'), odd]);
    await expect(checked).rejects.toMatchObject({ code: 'ApplyRejected' });
    await expect(checked).rejects.toThrow(words);
  });

  test('tells of a kind that the cluster does not have when the plan lists it', async () => {
    await expect(check([object('Odd')], { kinds: ['Odd'] })).rejects.toMatchObject({ reason: 'UnknownKind' });
  });

  test('asks the cluster for nothing that would count as a request', async () => {
    const before = cluster.requests.length;
    await check([object('Service')]);
    expect(cluster.requests).toHaveLength(before);
  });
});
