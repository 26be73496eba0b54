import { removeStuckPods } from '../provisioners/stuck-pods.ts';
import { converge, resourceIds } from './converge.ts';
import { guardedCluster } from './guarded-cluster.ts';
import type { InstanceView } from './instance-view.ts';
import { removeItems } from './remove-items.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings an instance that stands one step nearer to what the view says; last goes what it has beyond that.
 * @returns undefined once it is what the view says, and has nothing else
 */
export async function moveTo(view: InstanceView, context: TickContext): Promise<TickOutcome | undefined> {
  const { restoring = false, guard } = context;
  const cluster = guardedCluster(view.target.cluster, guard);
  await removeStuckPods(view.observed, { cluster }, { restoring });
  const step = await converge(view, context);
  if (step !== undefined) return step;
  const ids = resourceIds(view);
  const dropped = view.inventory.filter(
    ({ resourceId, bindingUid }) => bindingUid === undefined && !ids.includes(resourceId),
  );
  return removeItems(dropped, view, context);
}
