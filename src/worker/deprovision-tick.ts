import { removeNamespace } from '../provisioners/remove-namespace.ts';
import { withdrawDelivery } from './binding-view.ts';
import { type InstanceView, viewInstance } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/**
 * Removes an instance: first what is left of its bindings, then the namespace with all that is in it. The server goes
 * with its namespace, so the logins in it need no revoking of their own.
 */
export async function deprovisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await viewInstance(context);
  await unbindWhatIsLeft(view, context);
  context.guard();
  const state = await removeNamespace(view.target);
  if (state === 'deleting') {
    return {
      kind: 'wait',
      description: 'waiting for Kubernetes to delete the objects of the service instance',
      pollAfterMs: waitPollMs,
    };
  }
  return {
    kind: 'done',
    description: 'The service instance is gone.',
    commit: async (transaction) => {
      for (const item of view.inventory) await transaction.removeInventory(item);
    },
  };
}

async function unbindWhatIsLeft({ instance }: InstanceView, context: TickContext): Promise<void> {
  const { store } = context.deps;
  for (const binding of await store.listBindings(instance.uid)) {
    context.guard();
    await withdrawDelivery(binding, context.deps);
    await store.transact(async (transaction) => {
      await transaction.assertHeld(context.claim);
      await transaction.setBindingState(binding.uid, 'unbound');
    });
  }
}
