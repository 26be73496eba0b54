import { asJson, objectsAt, textAt } from '../kube/json-at.ts';
import { controllerOf, oldPods } from '../kube/old-pods.ts';
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
  const sets = new Set(
    observed.filter(({ kind }) => kind === 'StatefulSet').map(({ metadata }) => metadata.uid),
  );
  return oldPods(observed).filter((pod) => {
    if (!sets.has(textAt(controllerOf(pod), 'uid')) || isReady(pod)) return false;
    return restoring || podTrouble(pod) !== undefined;
  });
}

function isReady(pod: KubeObject): boolean {
  return objectsAt(asJson(pod), 'status', 'conditions').some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}
