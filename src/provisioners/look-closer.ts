import { refusedMakers } from '../kube/creation-trouble.ts';
import { rivalReplicaSets } from '../kube/old-pods.ts';
import { KubeError, type KubeObject, type ObjectReference } from '../kube/types.ts';
import type { InstanceTarget } from './types.ts';

/** What nobody watches: Events, and the pods and claims that operators made, which carry no label of ours. */
export interface CloserLook {
  pods: KubeObject[];
  claims: KubeObject[];
  events: KubeObject[];
  /**
   * Who makes pods, or cannot, as far as it counts and nobody watches it: those that Events say may make nothing, and
   * ReplicaSets beside each other.
   */
  makers: KubeObject[];
}

/**
 * Lists what explains why something in the instance's namespace is not ready. Changes nothing, and fails nothing: where
 * Chandler may not look, or the cluster does not answer, there is no look.
 * @param watched is not asked for again
 */
export async function lookCloser(
  target: Pick<InstanceTarget, 'cluster' | 'namespace'>,
  watched: readonly KubeObject[],
): Promise<CloserLook | undefined> {
  const { cluster, namespace } = target;
  const list = (kind: string) => cluster.list({ apiVersion: 'v1', kind }, { namespace });
  const listed = await unlessRefused(
    Promise.all([list('Pod'), list('PersistentVolumeClaim'), list('Event')]),
  );
  if (listed === undefined) return undefined;
  const [pods, claims, events] = listed;
  return {
    pods,
    claims,
    events,
    makers: await makersOf([...refusedMakers(events), ...rivalReplicaSets(pods)], watched, target),
  };
}

async function makersOf(
  references: readonly (ObjectReference & { uid: string })[],
  watched: readonly KubeObject[],
  { cluster, namespace }: Pick<InstanceTarget, 'cluster' | 'namespace'>,
): Promise<KubeObject[]> {
  const byUid = new Map(references.map((each) => [each.uid, each]));
  for (const { metadata } of watched) byUid.delete(metadata.uid ?? '');
  const found = [...byUid.values()].map(async ({ uid, apiVersion, kind, name }) => {
    const object = await unlessRefused(cluster.get({ apiVersion, kind, namespace, name }));
    return object?.metadata.uid === uid ? [object] : [];
  });
  return (await Promise.all(found)).flat();
}

async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof KubeError) return undefined;
    throw thrown;
  }
}
