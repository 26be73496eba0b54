import { refuseForeignObjects } from '../provisioners/foreign-objects.ts';
import { namespaceResourceId } from '../provisioners/namespace-object.ts';
import { removeObject } from '../provisioners/remove-object.ts';
import type { InventoryItem } from '../store/types.ts';
import { withdrawDelivery } from './binding-view.ts';
import { type InstanceView, viewInstance } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/**
 * Removes an instance in stages, each of which may be repeated. Before anything goes, the namespace is looked through
 * for what is not ours. Then go what was delivered to apps; the objects, last made first; when they and their pods are
 * gone, the namespace. (Deleting the namespace at once would take longer: its controller looks again only after half
 * the grace period of a pod that still runs.) The logins go with their server, so a binding counts as unbound only in
 * the transaction that ends all this.
 */
export async function deprovisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await viewInstance(context);
  const isNamespace = (item: InventoryItem) => item.resourceId === namespaceResourceId;
  const namespaces = view.inventory.filter(isNamespace);
  const objects = view.inventory.filter((item) => !isNamespace(item)).reverse();

  if (isStanding(objects, view)) await lookBeforeRemoving(namespaces, view, context);
  const left = (await removeItems(objects, view, context)) + countPods(view);
  if (left > 0) return waiting(`waiting until ${left} objects of the service instance are deleted`);

  // Once more: somebody may have put something into the namespace meanwhile.
  if (isStanding(namespaces, view)) await lookBeforeRemoving(namespaces, view, context);
  const namespacesLeft = await removeItems(namespaces, view, context);
  if (namespacesLeft > 0) return waiting('waiting until the namespace of the service instance is deleted');
  return {
    kind: 'done',
    description: 'The service instance is gone.',
    commit: async (transaction) => {
      for (const binding of await transaction.listBindings(view.instance.uid)) {
        await transaction.setBindingState(binding.uid, 'unbound');
      }
    },
  };
}

function waiting(description: string): TickOutcome {
  return { kind: 'wait', description, pollAfterMs: waitPollMs };
}

/** @throws ChandlerError `ResourceFailed` when the namespace holds what is not ours */
async function lookBeforeRemoving(
  namespaces: readonly InventoryItem[],
  view: InstanceView,
  { deps, guard }: TickContext,
): Promise<void> {
  guard();
  // A namespace that was planned but never confirmed may be somebody else's, and what it holds is theirs.
  if (namespaces.some(({ objectUid }) => objectUid !== undefined)) await refuseForeignObjects(view.target);
  for (const binding of await deps.store.listBindings(view.instance.uid)) {
    guard();
    await withdrawDelivery(binding, deps);
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

/** Whether this tick is about to delete any of them. */
function isStanding(items: readonly InventoryItem[], view: InstanceView): boolean {
  return items.some((item) => observedObject(item, view)?.metadata.deletionTimestamp === undefined);
}

function countPods({ instance, observed }: InstanceView): number {
  return observed.filter(({ kind, metadata }) => kind === 'Pod' && metadata.namespace === instance.namespace)
    .length;
}
