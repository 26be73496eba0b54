import type { KubeObject, ObjectReference } from '../kube/types.ts';
import { isOurs } from './apply-object.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Deletes one object of the inventory, under its uid. An object that was planned but never confirmed is looked up by
 * name first, and left alone when it is somebody else's. Idempotent.
 * @param observed the object as the watcher last saw it; one that is terminating costs no request
 * @returns `gone` when there is nothing of ours (any more), `deleting` while finalizers run
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`
 */
export async function removeObject(
  item: ObjectReference & { objectUid?: string },
  observed: KubeObject | undefined,
  target: Pick<InstanceTarget, 'cluster' | 'identity'>,
): Promise<'gone' | 'deleting'> {
  if (observed?.metadata.deletionTimestamp !== undefined) return 'deleting';
  try {
    const uid = item.objectUid ?? (await uidOfOurs(item, target));
    return uid === undefined ? 'gone' : await target.cluster.delete(item, { uid });
  } catch (thrown) {
    throw kubeFailure(thrown, 'ResourceFailed', `${item.kind} ${item.name} could not be deleted`);
  }
}

async function uidOfOurs(
  item: ObjectReference,
  target: Pick<InstanceTarget, 'cluster' | 'identity'>,
): Promise<string | undefined> {
  const found = await target.cluster.get(item);
  return found !== undefined && isOurs(found, target) ? found.metadata.uid : undefined;
}
