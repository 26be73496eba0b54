/** Objects that go over from one resource of a plan to another, and those that two of them would make. */
import { ChandlerError } from '../domain/errors.ts';
import type { ResourceSpec } from '../domain/offering.ts';
import { inventoryKey, keyOf } from '../provisioners/plan-apply.ts';
import { isClusterResource, renderResource } from '../provisioners/render-resource.ts';
import type { DesiredObject } from '../provisioners/types.ts';
import type { InventoryItem } from '../store/types.ts';
import { type InstanceView, scopeOf } from './instance-view.ts';
import type { TickContext } from './types.ts';

/** Stands in for a resource while nobody knows whose an object will be; no id of a resource. What stays with it goes last. */
export const nobodys = '-';

/**
 * What the inventory knows of a resource: its own items, and what it takes over from a resource that had them before.
 * @throws ChandlerError `ApplyRejected` when another resource of the plan makes the same object
 */
export function knownOf(
  id: string,
  desired: readonly DesiredObject[],
  { inventory }: Pick<InstanceView, 'inventory'>,
  { claim }: Pick<TickContext, 'claim'>,
): InventoryItem[] {
  const wanted = new Set(desired.map(({ object }) => keyOf(inventoryKey(object))));
  const known = inventory.filter((item) => item.resourceId === id || wanted.has(keyOf(item)));
  const shared = known.find(
    ({ resourceId }) => resourceId !== id && claim.operation.appliedResources.includes(resourceId),
  );
  if (shared === undefined) return known;
  throw new ChandlerError('ApplyRejected', {
    sentence: `The resources ${shared.resourceId} and ${id} of the plan make the same object, ${shared.kind} ${shared.name}.`,
  });
}

/**
 * Of the items that a resource no longer has those that another one may be about to take over. They cannot go yet: the
 * object, and what it holds, would be lost.
 */
export async function findMoving(
  stale: readonly InventoryItem[],
  id: string,
  view: InstanceView,
  { claim: { operation } }: Pick<TickContext, 'claim'>,
): Promise<InventoryItem[]> {
  if (operation.type !== 'update' || stale.length === 0) return [];
  const toCome = view.revision.resources.filter(
    (spec) => spec.id !== id && !operation.appliedResources.includes(spec.id),
  );
  const makes = await Promise.all(toCome.map((spec) => makerOf(spec, view)));
  return stale.filter((item) => makes.some((mayMake) => mayMake(item)));
}

/** Whether a resource makes an object, as far as that is known: who cannot tell may. */
async function makerOf(spec: ResourceSpec, view: InstanceView): Promise<(item: InventoryItem) => boolean> {
  if (!isClusterResource(spec)) return () => false;
  const desired = await renderResource(spec, scopeOf(view), view.target).catch((thrown: unknown) => {
    if (thrown instanceof ChandlerError) return undefined;
    throw thrown;
  });
  if (desired === undefined) return () => true;
  const keys = new Set(desired.map(({ object }) => keyOf(inventoryKey(object))));
  return (item) => keys.has(keyOf(item));
}
