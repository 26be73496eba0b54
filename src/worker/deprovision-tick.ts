import type { BindingState, ServiceBinding } from '../domain/binding.ts';
import { toChandlerError } from '../domain/errors.ts';
import { LeaseLost } from '../store/types.ts';
import { revokeLogin, withdrawDelivery } from './binding-view.ts';
import { type InstanceView, viewInstance } from './instance-view.ts';
import { refuseForeign, removeItems } from './remove-items.ts';
import { type TickContext, type TickOutcome, WorkerStopping } from './types.ts';

/**
 * Removes an instance in stages, each of which may be repeated. Before anything goes, the namespace is looked through
 * for what is not ours, and the bindings that are left are unbound; then go the objects, and the namespace. A binding
 * whose login could not be revoked counts as unbound in the transaction that ends all this: the login went with its
 * server.
 */
export async function deprovisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await viewInstance(context);
  // Noted when the removal begins: from then on there may be no server to revoke logins on.
  if (context.claim.operation.appliedResources.length === 0) {
    await refuseForeign(view, context);
    await unbindAll(view, context);
    await beginRemoval(view, context);
  }
  return (
    (await removeItems(view.inventory, view, context)) ?? {
      kind: 'done',
      description: 'The service instance is gone.',
      commit: async (transaction) => {
        for (const binding of await transaction.listBindings(view.instance.uid)) {
          await transaction.setBindingState(binding.uid, 'unbound');
        }
      },
    }
  );
}

/** Each live binding by itself: its login, then what was delivered, then its row. */
async function unbindAll(view: InstanceView, context: TickContext): Promise<void> {
  const { deps } = context;
  let isAway = false;
  for (const binding of await deps.store.listBindings(view.instance.uid)) {
    // A server that did not answer once would only take its time limit again for each further binding.
    const revoked: Revocation = isAway ? 'away' : await tryToRevoke(binding, view, context);
    isAway = revoked === 'away';
    // If what follows fails, its credentials must not look as if they still worked.
    if (revoked === 'revoked') await setBindingState(binding, 'unbind failed', context);
    await withdrawDelivery(binding, context);
    if (revoked === 'revoked') await setBindingState(binding, 'unbound', context);
  }
}

async function setBindingState(
  { uid }: ServiceBinding,
  state: BindingState,
  { deps, claim }: TickContext,
): Promise<void> {
  await deps.store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await transaction.setBindingState(uid, state);
    if (state === 'unbound') await transaction.recordProgress(claim);
  });
}

type Revocation = 'revoked' | 'refused' | 'away';

/** A server that is away or refuses must not keep its own instance from being deleted. */
async function tryToRevoke(
  binding: ServiceBinding,
  view: InstanceView,
  context: TickContext,
): Promise<Revocation> {
  try {
    await revokeLogin(binding, view, context);
    return 'revoked';
  } catch (thrown) {
    const { code, retry } = toChandlerError(thrown);
    if (thrown instanceof LeaseLost || thrown instanceof WorkerStopping || code === 'StoreUnavailable')
      throw thrown;
    context.deps.events.backgroundFaulted({ task: 'revoke a login before its server goes', cause: thrown });
    return retry ? 'away' : 'refused';
  }
}

/** From here on the instance is of no use, whatever becomes of the deprovision. */
async function beginRemoval(
  { instance, inventory }: InstanceView,
  { deps, claim }: TickContext,
): Promise<void> {
  if (inventory.length === 0) return;
  await deps.store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await transaction.setInstanceState(instance.uid, 'deprovisioning', false);
    for (const id of new Set(inventory.map(({ resourceId }) => resourceId))) {
      await transaction.recordAppliedResource(claim.operation.uid, id);
    }
  });
}
