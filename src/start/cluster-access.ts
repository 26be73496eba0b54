import { asJson, jsonAt, textAt } from '../kube/json-at.ts';
import type { Cluster } from '../kube/types.ts';
import type { Access, FixedVolume } from '../usecases/deps.ts';

/** A request must not wait long for something that the operation finds out anyway. */
const lookMs = 2_000;

type Readable = Pick<Cluster, 'name' | 'get' | 'list'>;

/** What the HTTP side may look at in the cluster. */
export function clusterAccess(cluster: Readable): Access {
  return {
    async namespaceExists(clusterName, namespace) {
      if (clusterName !== cluster.name) return true;
      const look = cluster
        .get({ apiVersion: 'v1', kind: 'Namespace', name: namespace })
        .then((found) => found !== undefined && found.metadata.deletionTimestamp === undefined);
      return inTime(look, true);
    },
    async fixedVolumes(clusterName, namespace) {
      return clusterName === cluster.name ? inTime(findFixed(cluster, namespace), []) : [];
    },
  };
}

async function inTime<T>(look: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, lookMs, otherwise);
  });
  const settled = look.catch(() => otherwise);
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}

async function findFixed(cluster: Readable, namespace: string): Promise<FixedVolume[]> {
  const claims = await cluster.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, { namespace });
  const volumes = claims.map((claim) => ({
    claim: claim.metadata.name,
    storageClass: textAt(asJson(claim), 'spec', 'storageClassName') ?? '',
  }));
  const growing = new Set<string>();
  for (const name of new Set(volumes.map(({ storageClass }) => storageClass))) {
    if (name !== '' && (await canGrow(cluster, name))) growing.add(name);
  }
  return volumes.filter(({ storageClass }) => !growing.has(storageClass));
}

async function canGrow(cluster: Readable, name: string): Promise<boolean> {
  const found = await cluster.get({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name });
  return found !== undefined && jsonAt(asJson(found), 'allowVolumeExpansion') === true;
}
