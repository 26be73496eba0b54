import { complete, converge } from './converge.ts';
import { viewInstance } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings an instance one step nearer to ready: observe, decide, act. Safe to run again from any point. What is adopted
 * may hold data: it is looked at as in a repair, and what nobody can make again ends the provision when it is gone.
 */
export async function provisionTick(context: TickContext): Promise<TickOutcome> {
  const { adopts, appliedResources } = context.claim.operation;
  const view = await lookFurther(await viewInstance(context), context.deps, appliedResources);
  return (
    (await converge(view, adopts ? { ...context, repair: { withEmptyVolumes: false } } : context)) ??
    complete(view, context, { description: 'The service instance is ready.' })
  );
}
