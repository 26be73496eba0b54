import { overlay } from '../lib/overlay.ts';
import type { InstanceTarget } from '../provisioners/types.ts';

type Cluster = InstanceTarget['cluster'];

/**
 * The same cluster, where each request that changes something is sent only while the lease holds. What looks like one
 * effect may be several requests, and whoever lost the lease between two of them must not bring back what went meanwhile.
 */
export function guardedCluster(cluster: Cluster, guard: () => void): Cluster {
  const checked = <T>(effect: () => Promise<T>): Promise<T> => {
    guard();
    return effect();
  };
  return overlay(cluster, {
    create: async (object) => checked(() => cluster.create(object)),
    apply: async (object, options) => checked(() => cluster.apply(object, options)),
    delete: async (reference, options) => checked(() => cluster.delete(reference, options)),
  });
}
