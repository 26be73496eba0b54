import { beforeEach, expect, it } from 'vitest';
import { FakeCluster } from '../../kube/fake-cluster.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { InstanceTarget } from '../types.ts';
import { releaseDigest, releaseObjects } from './release-objects.ts';

let target: InstanceTarget;
beforeEach(() => {
  target = {
    cluster: new FakeCluster(),
    identity: { installationId: 'here', instanceUid: 'uid' },
    name: 'i-one',
    namespace: 'i-one',
    annotations: {},
    namespaceAnnotations: {},
  } as unknown as InstanceTarget;
});

const configMap = (text: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'i-one-server', namespace: 'i-one' },
  data: { text },
});
const hook = (more = {}): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'i-one-hook', namespace: 'i-one', annotations: { 'helm.sh/hook': 'pre-upgrade' } },
  spec: { template: { spec: { containers: [], ...more } } },
});

it('gives helm rights on what the release is made of, its hooks and its records, and on nothing else', async () => {
  const desired = await releaseObjects([configMap('a'), hook()], target, 'server');
  const role = desired.find(({ object }) => object.kind === 'Role')?.object as unknown as {
    rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  };
  expect(role.rules.map(({ apiGroups, resources }) => [...apiGroups, ...resources])).toEqual([
    ['', 'configmaps', 'pods', 'secrets'],
    ['batch', 'jobs'],
  ]);
  expect(role.rules.flatMap(({ verbs }) => verbs)).not.toContain('escalate');
});

it('marks all of it anew when anything of it changes, also a hook', async () => {
  const digestOf = async (...objects: KubeObject[]) =>
    releaseDigest(await releaseObjects(objects, target, 'server'));
  const before = await digestOf(configMap('a'), hook());
  expect(await digestOf(configMap('a'), hook())).toBe(before);
  expect(await digestOf(configMap('b'), hook())).not.toBe(before);
  expect(await digestOf(configMap('a'), hook({ hostname: 'b' }))).not.toBe(before);
});

it('applies by itself what is cluster-scoped, which helm may not reach, and refuses hooks there', async () => {
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'i-one-all' },
  };
  const desired = await releaseObjects([configMap('a'), role], target, 'server');
  expect(desired.filter(({ by }) => by === 'helm').map(({ object }) => object.kind)).toEqual(['ConfigMap']);
  const hooked = { ...role, metadata: { ...role.metadata, annotations: { 'helm.sh/hook': 'pre-install' } } };
  await expect(releaseObjects([hooked], target, 'server')).rejects.toThrow(/a hook that is cluster-scoped/);
});

it('lets no pod of the chart act as helm', async () => {
  const thief = hook({ serviceAccountName: 'i-one-server-helm' });
  await expect(releaseObjects([configMap('a'), thief], target, 'server')).rejects.toThrow(
    'may not name the ServiceAccount of helm, as Job i-one-hook does',
  );
});
