import { complete, converge } from './converge.ts';
import { viewInstance } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings the objects of an instance back to what its row and its plan revision say: as a provision does, but what the
 * inventory believes counts for nothing. It deletes nothing, and leaves what is outside of clusters alone.
 */
export async function repairTick(context: TickContext): Promise<TickOutcome> {
  const { withEmptyVolumes = false, appliedResources } = context.claim.operation;
  const view = await lookFurther(await viewInstance(context), context.deps, appliedResources);
  return (
    (await converge(view, { ...context, repair: { withEmptyVolumes } })) ??
    complete(view, context, { description: 'The service instance is as its plan says.' })
  );
}
