/** Volumes that a StorageClass does not let grow are found before an update is promised: afterwards it could only fail. */
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { UpdateAttributes } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import { parseQuantity } from '../lib/quantity.ts';
import type { FixedVolume, UsecaseDeps } from './deps.ts';

/** The volumes of an instance that cannot grow; not asked for where no update of this kind could make one grow. */
export async function fixedVolumes(
  { access }: UsecaseDeps,
  instance: ServiceInstance,
  revision: PlanRevision,
  request: UpdateAttributes,
): Promise<readonly FixedVolume[]> {
  const mayGrow = request.parameters !== undefined || revision.digest !== instance.planRevision;
  if ((revision.updates.volumes ?? []).length === 0 || !mayGrow) return [];
  return access.fixedVolumes(instance.cluster, instance.namespace);
}

/** @throws ChandlerError `UpdateNotSupported` */
export function assertVolumesMayGrow(
  from: JsonObject,
  to: JsonObject,
  { updates }: PlanRevision,
  [fixed]: readonly FixedVolume[],
): void {
  const growing = (updates.volumes ?? []).find((name) => amount(to[name]) > amount(from[name]));
  if (growing === undefined || fixed === undefined) return;
  const { claim, storageClass } = fixed;
  const why =
    storageClass === ''
      ? `the PersistentVolumeClaim ${claim} has no StorageClass`
      : `the StorageClass ${storageClass} of PersistentVolumeClaim ${claim} does not allow volumes to grow`;
  throw new ChandlerError('UpdateNotSupported', {
    sentence: `The parameter \`${growing}\` cannot grow: ${why}. Ask the admin of the cluster to set allowVolumeExpansion on it, if its driver can, or create a new service instance with more storage.`,
  });
}

function amount(value: JsonObject[string] | undefined): bigint {
  return (typeof value === 'string' ? parseQuantity(value) : undefined) ?? 0n;
}
