import { afterEach, expect, it } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError } from '../kube/types.ts';
import { clusterAccess } from './cluster-access.ts';

let cluster: FakeCluster;
afterEach(() => cluster.close());

async function withClaims(classes: Record<string, string | undefined>): Promise<FakeCluster> {
  cluster = new FakeCluster({ name: 'local' });
  cluster.addNamespace('i-1');
  const storageClass = (name: string, values: object) =>
    cluster.create({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, ...values });
  await storageClass('grows', { allowVolumeExpansion: true });
  await storageClass('silent', {});
  await storageClass('rigid', { allowVolumeExpansion: false });
  for (const [name, storageClassName] of Object.entries(classes)) {
    const spec = storageClassName === undefined ? {} : { storageClassName };
    const metadata = { name, namespace: 'i-1' };
    await cluster.create({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec });
  }
  return cluster;
}

it('tells the claims whose StorageClass does not say that volumes may grow', async () => {
  const access = clusterAccess(
    await withClaims({ a: 'grows', b: 'silent', c: 'rigid', d: 'deleted', e: undefined, f: 'grows' }),
  );
  expect(await access.fixedVolumes('local', 'i-1')).toEqual([
    { claim: 'b', storageClass: 'silent' },
    { claim: 'c', storageClass: 'rigid' },
    { claim: 'd', storageClass: 'deleted' },
    { claim: 'e', storageClass: '' },
  ]);
  expect(await access.fixedVolumes('another', 'i-1')).toEqual([]);
});

it('lets the operation find out when the cluster does not answer', async () => {
  const access = clusterAccess(await withClaims({ c: 'rigid' }));
  cluster.failNext(({ verb }) => verb === 'list', new KubeError(503, 'ServiceUnavailable', 'down'));
  expect(await access.fixedVolumes('local', 'i-1')).toEqual([]);
});
