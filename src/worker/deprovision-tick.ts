import { refuseForeignObjects } from '../provisioners/foreign-objects.ts';
import { namespaceResourceId } from '../provisioners/namespace-object.ts';
import { removeObject } from '../provisioners/remove-object.ts';
import type { InventoryItem } from '../store/types.ts';
import { withdrawDelivery } from './binding-view.ts';
import { type InstanceView, viewInstance } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/**
 * Removes an instance in stages, each of which may be repeated: what is left of its bindings; its objects, last made
 * first; when they and their pods are gone, the namespace. (Deleting the namespace at once would take longer: its
 * controller looks again only after half the grace period of a pod that still runs.) The server goes with its
 * objects, so the logins in it need no revoking of their own.
 */
export async function deprovisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await viewInstance(context);
  await unbindWhatIsLeft(view, context);

  const isNamespace = (item: InventoryItem) => item.resourceId === namespaceResourceId;
  const objects = view.inventory.filter((item) => !isNamespace(item));
  if (objects.some((item) => !isTerminating(item, view))) {
    context.guard();
    await refuseForeignObjects(view.target);
  }
  const left = (await removeItems(objects.reverse(), view, context)) + countPods(view);
  if (left > 0) return waiting(`waiting until ${left} objects of the service instance are deleted`);

  const namespacesLeft = await removeItems(view.inventory.filter(isNamespace), view, context);
  if (namespacesLeft > 0) return waiting('waiting until the namespace of the service instance is deleted');
  return { kind: 'done', description: 'The service instance is gone.' };
}

function waiting(description: string): TickOutcome {
  return { kind: 'wait', description, pollAfterMs: waitPollMs };
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

/** @returns how many are still being deleted */
async function removeItems(
  items: readonly InventoryItem[],
  view: InstanceView,
  { deps, claim, guard }: TickContext,
): Promise<number> {
  let left = 0;
  for (const item of items) {
    guard();
    const state = await removeObject(item, observedObject(item, view), view.target);
    if (state === 'deleting') {
      left += 1;
      continue;
    }
    await deps.store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      await transaction.removeInventory(item);
    });
    const { instanceUid, cluster, kind, namespace, name } = item;
    deps.events.objectRemoved({ instanceUid, cluster, kind, namespace, name });
  }
  return left;
}

function observedObject(item: InventoryItem, { observed }: InstanceView) {
  return item.objectUid === undefined
    ? undefined
    : observed.find(({ metadata }) => metadata.uid === item.objectUid);
}

function isTerminating(item: InventoryItem, view: InstanceView): boolean {
  return observedObject(item, view)?.metadata.deletionTimestamp !== undefined;
}

function countPods({ instance, observed }: InstanceView): number {
  return observed.filter(({ kind, metadata }) => kind === 'Pod' && metadata.namespace === instance.namespace)
    .length;
}
