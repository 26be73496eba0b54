import type { ReleaseSpec, ResourceSpec } from '../domain/offering.ts';
import { isCustomKind } from '../lib/custom-kind.ts';
import { isJsonObject } from '../lib/json.ts';
import { refuseForeignObjects } from '../provisioners/foreign-objects.ts';
import { renderTree } from '../provisioners/instance-scope.ts';
import { namespaceResourceId } from '../provisioners/namespace-object.ts';
import { isAccess } from '../provisioners/release/access-objects.ts';
import { removeRelease } from '../provisioners/release/run-release.ts';
import { removeObject } from '../provisioners/remove-object.ts';
import { resourceName } from '../provisioners/resource-state.ts';
import type { InventoryItem } from '../store/types.ts';
import { externalPollMs, isExternal } from './externals.ts';
import { type InstanceView, scopeOf } from './instance-view.ts';
import { provisionerOf } from './parts.ts';
import { type TickContext, type TickOutcome, type WorkerDeps, waitPollMs } from './types.ts';

const isNamespace = (item: InventoryItem) => item.resourceId === namespaceResourceId;

/**
 * Removes items of the inventory, last made first; the namespace, if it is among them, when the others and their pods
 * are gone. (Deleting the namespace at once would take longer: its controller looks again only after half the grace
 * period of a pod that still runs.)
 * @returns undefined when all are gone, else how long to wait before the next step
 */
export async function removeItems(
  items: readonly InventoryItem[],
  view: InstanceView,
  context: TickContext,
): Promise<Extract<TickOutcome, { kind: 'wait' }> | undefined> {
  await removeReleases(items, view, context);
  const namespaces = items.filter(isNamespace);
  const objects = items.filter((item) => !isNamespace(item)).reverse();
  const { left, pollAfterMs } = await removeEach(objects, view, context);
  const standing = left + (namespaces.length === 0 ? 0 : countPods(view));
  if (standing > 0) {
    const description = `waiting until ${standing === 1 ? '1 object of the service instance is' : `${standing} objects of the service instance are`} deleted`;
    return { kind: 'wait', description, pollAfterMs };
  }
  // Somebody may have put something into the namespace since the deprovision began.
  if (isStanding(namespaces, view)) await refuseForeign(view, context);
  if ((await removeEach(namespaces, view, context)).left === 0) return undefined;
  const description = 'waiting until the namespace of the service instance is deleted';
  return { kind: 'wait', description, pollAfterMs: waitPollMs };
}

/** What helm made helm takes away, while it still has access; what is left then goes as everything else. */
async function removeReleases(
  items: readonly InventoryItem[],
  { target, revision }: InstanceView,
  { guard }: TickContext,
): Promise<void> {
  for (const { resourceId } of items.filter((item) => isAccess(item, target))) {
    const resource = revision.resources.find(({ id }) => id === resourceId);
    const known = resource?.kind === 'helm' ? resource.release : undefined;
    await removeRelease({ resourceId, spec: known ?? forgottenRelease, target, guard });
  }
}

/** Of a resource that the plan no longer has. */
const forgottenRelease: ReleaseSpec = { hookTimeout: 300, history: 10 };

/** @throws ChandlerError `ResourceFailed` when the instance's namespace holds what is not ours */
export async function refuseForeign(view: InstanceView, { guard }: TickContext): Promise<void> {
  const { inventory, revision, target } = view;
  guard();
  // A namespace that was planned but never confirmed may be somebody else's, and what it holds is theirs.
  const confirmed = inventory.some((item) => isNamespace(item) && item.objectUid !== undefined);
  if (!confirmed) return;
  const names = revision.resources.flatMap((spec) => [
    resourceName(target, spec.id),
    ...ownNames(spec, view),
  ]);
  const uids = inventory.flatMap(({ objectUid }) => (objectUid === undefined ? [] : [objectUid]));
  await refuseForeignObjects(target, new Set([...names, ...uids]));
}

/** Names that a plan gives its objects itself, as far as they can still be told: when they are asked for most of them are gone. */
function ownNames(spec: ResourceSpec, view: InstanceView): string[] {
  if (spec.kind !== 'manifest') return [];
  return spec.objects.flatMap(({ metadata }) => {
    const own = isJsonObject(metadata) ? metadata.name : undefined;
    const name = own === undefined ? own : renderTree(own, scopeOf(view), `the resource ${spec.id}`);
    return typeof name === 'string' ? [name] : [];
  });
}

/** Removes one item; what is left to do for its inventory is the caller's. */
export function removeItem(
  item: InventoryItem,
  view: InstanceView,
  deps: WorkerDeps,
): Promise<'gone' | 'deleting'> {
  return isExternal(item)
    ? provisionerOf(deps, item.kind).remove(item.name)
    : removeObject(item, observedObject(item, view), view.target);
}

/** When to look again whether an item that is being deleted is gone. */
export async function pollAfterRemoval(item: InventoryItem, deps: WorkerDeps): Promise<number> {
  if (!isExternal(item)) return waitPollMs;
  const state = await provisionerOf(deps, item.kind).observe(item.name);
  return state.kind === 'waiting' ? state.pollAfterMs : externalPollMs;
}

/**
 * A custom resource goes before what was made ahead of it: its operator may need that to clean up.
 * @returns how many are still there
 */
async function removeEach(
  items: readonly InventoryItem[],
  view: InstanceView,
  { deps, claim, guard }: TickContext,
): Promise<{ left: number; pollAfterMs: number }> {
  const polls: number[] = [];
  let heldBy: string | undefined;
  let held = 0;
  for (const item of items) {
    if (heldBy !== undefined && item.resourceId !== heldBy) {
      held += 1;
      continue;
    }
    guard();
    if ((await removeItem(item, view, deps)) === 'deleting') {
      polls.push(await pollAfterRemoval(item, deps));
      if (!isExternal(item) && isCustomKind(item.apiVersion)) heldBy = item.resourceId;
      continue;
    }
    await deps.store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      await transaction.removeInventory(item);
      await transaction.recordProgress(claim);
    });
    const { instanceUid, cluster, kind, namespace, name } = item;
    deps.events.objectRemoved({ instanceUid, cluster, kind, namespace, name });
  }
  return { left: polls.length + held, pollAfterMs: Math.min(waitPollMs, ...polls) };
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
