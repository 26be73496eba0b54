import { asJson, objectsAt, textAt } from '../kube/json-at.ts';
import { podTrouble } from '../kube/readiness.ts';
import type { KubeObject } from '../kube/types.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Deletes pods that keep a StatefulSet from its newest revision. Its controller replaces no pod of another revision that
 * is not ready: one that can never become so has to be deleted by somebody (kubernetes.io, StatefulSets, "Forced
 * rollback").
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`
 */
export async function removeStuckPods(
  observed: readonly KubeObject[],
  { cluster }: Pick<InstanceTarget, 'cluster'>,
  options: { restoring: boolean },
): Promise<void> {
  for (const { metadata } of stuckPods(observed, options)) {
    const { name, namespace = '', uid = '' } = metadata;
    try {
      await cluster.delete({ apiVersion: 'v1', kind: 'Pod', namespace, name }, { uid });
    } catch (thrown) {
      throw kubeFailure(thrown, 'ResourceFailed', `Pod ${name} could not be deleted`);
    }
  }
}

/**
 * Pure: the pods of a StatefulSet that are of another revision than its newest, and not ready. Of one that is to be
 * updated only those that are in trouble, for another may be about to become ready; one that goes back has no use for
 * any of the failed revision.
 */
export function stuckPods(
  observed: readonly KubeObject[],
  { restoring }: { restoring: boolean },
): KubeObject[] {
  const newest = new Map(observed.flatMap((object) => newestRevision(object)));
  return observed.filter((pod) => {
    const owner = objectsAt(asJson(pod), 'metadata', 'ownerReferences').find(
      (each) => each.controller === true,
    );
    const wanted = newest.get(textAt(owner, 'uid') ?? '');
    const { labels, deletionTimestamp } = pod.metadata;
    if (pod.kind !== 'Pod' || wanted === undefined || deletionTimestamp !== undefined) return false;
    if (labels?.['controller-revision-hash'] === wanted || isReady(pod)) return false;
    return restoring || podTrouble(pod) !== undefined;
  });
}

/** Uid and name of the newest revision, of a StatefulSet whose controller has seen its last change. */
function newestRevision(object: KubeObject): [string, string][] {
  if (object.kind !== 'StatefulSet') return [];
  const { generation, uid } = object.metadata;
  const status = (object.status ?? {}) as { observedGeneration?: number; updateRevision?: string };
  if (uid === undefined || status.updateRevision === undefined) return [];
  return status.observedGeneration === generation ? [[uid, status.updateRevision]] : [];
}

function isReady(pod: KubeObject): boolean {
  return objectsAt(asJson(pod), 'status', 'conditions').some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}
