import { complete, converge, resourceIds } from './converge.ts';
import { viewUpdate } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { removeItems } from './remove-items.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings an instance one step nearer to what its update makes of it, in the same way as a provision; then goes what
 * the new plan no longer has. The instance's row keeps the old values until the transaction that ends all this.
 */
export async function updateTick(context: TickContext): Promise<TickOutcome> {
  const { view: known, update } = await viewUpdate(context);
  const view = await lookFurther(known, context.deps, context.claim.operation.appliedResources);
  const step = await converge(view, context);
  if (step !== undefined) return step;

  const ids = resourceIds(view);
  const dropped = view.inventory.filter(
    ({ resourceId, bindingUid }) => bindingUid === undefined && !ids.includes(resourceId),
  );
  const { uid, planRevision } = view.instance;
  return (
    (await removeItems(dropped, view, context)) ??
    complete(view, context, {
      description: 'The service instance is updated.',
      commit: (transaction) => transaction.applyUpdate(uid, planRevision, update.reveal()),
    })
  );
}
