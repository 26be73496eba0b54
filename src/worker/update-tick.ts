import { complete } from './converge.ts';
import { viewUpdate } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { moveTo } from './move-to.ts';
import { restoreTick } from './restoring.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings an instance one step nearer to what its update makes of it, in the same way as a provision; then goes what
 * the new plan no longer has. The instance's row keeps the old values until the transaction that ends all this. An
 * update that failed goes back the same way.
 */
export async function updateTick(context: TickContext): Promise<TickOutcome> {
  const { failure, appliedResources } = context.claim.operation;
  if (failure !== undefined) return restoreTick(failure, context);
  const { view: known, update } = await viewUpdate(context);
  const view = await lookFurther(known, context.deps, appliedResources);
  const { uid, planRevision } = view.instance;
  return (
    (await moveTo(view, context)) ??
    complete(view, context, {
      description: 'The service instance is updated.',
      commit: (transaction) => transaction.applyUpdate(uid, planRevision, update.reveal()),
    })
  );
}
