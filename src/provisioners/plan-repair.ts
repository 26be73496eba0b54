import type { KubeObject } from '../kube/types.ts';
import { assertNothingLost } from './data-loss.ts';
import { kubeFailure } from './kube-failure.ts';
import { inventoryKey, type KnownObject, planApply } from './plan-apply.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

export interface RepairOptions {
  /** Volumes that are gone may be made anew, without what they held. */
  withEmptyVolumes: boolean;
}

/** Every object again, and nothing to remove; or the object whose deletion must be over first. */
export type RepairPlan =
  | { apply: { desired: DesiredObject; knownUid?: string }[]; prune: [] }
  | { deleting: string };

/**
 * As planApply, by what stands in the cluster and not by what the inventory believes: an object that is gone, or that
 * stands under another uid, is to be made anew. Looks only.
 * @throws ChandlerError `ResourceFailed` when data is lost that would be replaced by nothing, `ClusterUnreachable`
 */
export async function planRepair(
  desired: readonly DesiredObject[],
  inventory: readonly KnownObject[],
  target: InstanceTarget,
  { withEmptyVolumes }: RepairOptions,
): Promise<RepairPlan> {
  const believed = inventory.map(({ appliedDigest: _any, ...item }) => item);
  const plan: Exclude<RepairPlan, { deleting: string }> = { apply: [], prune: [] };
  let deleting: string | undefined;
  for (const entry of planApply(desired, believed).apply) {
    const { object } = entry.desired;
    const live = await look(object, target);
    if (!withEmptyVolumes) await assertNothingLost(object, live, target);
    if (live?.metadata.deletionTimestamp !== undefined) deleting ??= `${object.kind} ${object.metadata.name}`;
    const stands = live !== undefined && live.metadata.uid === entry.knownUid;
    plan.apply.push(stands ? entry : { desired: entry.desired });
  }
  return deleting === undefined ? plan : { deleting };
}

/** @throws ChandlerError `ResourceFailed`, `ClusterUnreachable` */
export async function look(object: KubeObject, { cluster }: InstanceTarget): Promise<KubeObject | undefined> {
  try {
    return await cluster.get(inventoryKey(object));
  } catch (thrown) {
    const what = `${object.kind} ${object.metadata.name}`;
    throw kubeFailure(thrown, 'ResourceFailed', `${what} could not be looked at`);
  }
}
