import type { Cluster } from '../kube/types.ts';
import type { Access } from '../usecases/deps.ts';

/** A request must not wait long for something that the operation finds out anyway. */
const lookMs = 2_000;

/** What the HTTP side may look at in the cluster. */
export function clusterAccess(cluster: Pick<Cluster, 'name' | 'get'>): Access {
  return {
    async namespaceExists(clusterName, namespace) {
      if (clusterName !== cluster.name) return true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<true>((resolve) => {
        timer = setTimeout(resolve, lookMs, true);
      });
      const look = cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).then(
        (found) => found !== undefined && found.metadata.deletionTimestamp === undefined,
        () => true,
      );
      return Promise.race([look, late]).finally(() => clearTimeout(timer));
    },
  };
}
