import { ChandlerError } from '../../domain/errors.ts';
import type { KubeObject } from '../../kube/types.ts';
import { type AppliedObject, isOurs, objectDigest } from '../apply-object.ts';
import { look } from '../plan-repair.ts';
import type { InstanceTarget } from '../types.ts';

/**
 * Helm would take over whatever has the name of one of its objects.
 * @param objects that the inventory does not know yet
 * @throws ChandlerError `AdoptionRefused`, `ResourceFailed`, `ClusterUnreachable`
 */
export async function refuseForeignRelease(
  objects: readonly KubeObject[],
  target: InstanceTarget,
): Promise<void> {
  for (const object of objects) {
    const found = await look(object, target);
    if (found === undefined || isOurs(found, target)) continue;
    const sentence = `${object.kind} ${object.metadata.name} exists already and does not belong to this service instance.`;
    throw new ChandlerError('AdoptionRefused', { sentence });
  }
}

/**
 * What helm made of an object that it says it applied.
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`
 */
export async function releasedObject(object: KubeObject, target: InstanceTarget): Promise<AppliedObject> {
  const found = await look(object, target);
  if (found === undefined || !isOurs(found, target)) {
    const sentence = `${object.kind} ${object.metadata.name} is gone as soon as helm had applied it.`;
    throw new ChandlerError('ResourceFailed', { sentence });
  }
  const { uid: objectUid = '', generation } = found.metadata;
  return {
    objectUid,
    appliedDigest: objectDigest(object),
    ...(generation === undefined ? {} : { appliedGeneration: generation }),
  };
}
