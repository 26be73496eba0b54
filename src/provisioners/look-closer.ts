import { KubeError, type KubeObject } from '../kube/types.ts';
import type { InstanceTarget } from './types.ts';

/** What nobody watches: Events, and the pods and claims that operators made, which carry no label of ours. */
export interface CloserLook {
  pods: KubeObject[];
  claims: KubeObject[];
  events: KubeObject[];
}

/**
 * Lists what explains why something in the instance's namespace is not ready. Changes nothing, and fails nothing: where
 * Chandler may not look, or the cluster does not answer, there is no look.
 */
export async function lookCloser({
  cluster,
  namespace,
}: Pick<InstanceTarget, 'cluster' | 'namespace'>): Promise<CloserLook | undefined> {
  const list = (kind: string) => cluster.list({ apiVersion: 'v1', kind }, { namespace });
  try {
    const [pods, claims, events] = await Promise.all([
      list('Pod'),
      list('PersistentVolumeClaim'),
      list('Event'),
    ]);
    return { pods, claims, events };
  } catch (thrown) {
    if (thrown instanceof KubeError) return undefined;
    throw thrown;
  }
}
