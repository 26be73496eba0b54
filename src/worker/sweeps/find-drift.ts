/** One look at one instance: where what stands outside differs from what its plan and its bindings say. */
import type { ServiceBinding } from '../../domain/binding.ts';
import { joined } from '../../provisioners/differing-paths.ts';
import { namespaceObject } from '../../provisioners/namespace-object.ts';
import { type ObjectDrift, objectDrift } from '../../provisioners/object-drift.ts';
import { inventoryKey } from '../../provisioners/plan-apply.ts';
import { isClusterResource, renderResource } from '../../provisioners/render-resource.ts';
import type { DesiredObject } from '../../provisioners/types.ts';
import type { InventoryItem, NewFinding } from '../../store/types.ts';
import { deliveryDifferences } from '../binding-view.ts';
import { type InstanceView, scopeOf } from '../instance-view.ts';
import type { SweepContext } from './types.ts';

export interface FoundDrift {
  drift: ObjectDrift;
  object: DesiredObject['object'];
  item: InventoryItem | undefined;
}

/**
 * Looks at every object of the plan, namespace included. What reads a value that is missing is not looked at: what
 * the value comes from is missing itself.
 * @throws ChandlerError `ClusterUnreachable` and what rendering may throw
 */
export async function findDrift(view: InstanceView, guard: () => void): Promise<FoundDrift[]> {
  const found: FoundDrift[] = [];
  for await (const desired of desiredObjects(view)) {
    guard();
    const item = itemOf(desired, view);
    const drift = await objectDrift(desired, item?.objectUid, view.target);
    if (drift !== undefined) found.push({ drift, object: desired.object, item });
  }
  return found;
}

async function* desiredObjects(view: InstanceView): AsyncGenerator<DesiredObject> {
  const specs = view.revision.resources.filter(isClusterResource);
  if (specs.length > 0) yield namespaceObject(view.target);
  for (const spec of specs) {
    const desired = (await renderResource(spec, scopeOf(view), view.target)) ?? [];
    // Hooks come and go.
    yield* desired.filter(({ by }) => by !== 'hook');
  }
}

function itemOf({ object }: DesiredObject, { inventory }: InstanceView): InventoryItem | undefined {
  const { apiVersion, kind, namespace, name } = inventoryKey(object);
  return inventory.find(
    (item) =>
      item.apiVersion === apiVersion &&
      item.kind === kind &&
      item.namespace === namespace &&
      item.name === name,
  );
}

/** What is missing is told by another sweep, as a row without an object. */
export function driftFindings(
  found: readonly FoundDrift[],
  { instance }: InstanceView,
  note: string,
): NewFinding[] {
  return found.flatMap(({ drift, object, item }): NewFinding[] => {
    if (drift.kind === 'missing') return [];
    const detail =
      drift.kind === 'refused'
        ? 'What the plan says of this object can no longer be applied: it does not go with what others made of it, or the API server takes it no more. It has to be mended by hand.'
        : `This object is not what the plan says at ${shortList(drift.paths)}.${note}`;
    const { kind, ...reference } = inventoryKey(object);
    return [
      {
        ...{ kind: 'drift', cluster: instance.cluster, ...reference, objectKind: kind, detail },
        ...(item?.objectUid === undefined ? {} : { objectUid: item.objectUid }),
        instanceUid: instance.uid,
      },
    ];
  });
}

/** Of the bindings in use: what was delivered for them, by the names of its entries. */
export async function deliveryFindings(
  bindings: readonly ServiceBinding[],
  { instance, revision }: InstanceView,
  context: SweepContext,
): Promise<NewFinding[]> {
  const engine = revision.bind?.engine;
  const findings: NewFinding[] = [];
  for (const binding of bindings) {
    // Of one whose time is up there is nothing left to compare, or soon.
    if (engine === undefined || binding.state !== 'bound' || binding.delivery?.cluster !== instance.cluster)
      continue;
    for (const { kind, uid, keys } of await deliveryDifferences(binding, engine, context)) {
      // The sweep for orphans tells of what is gone.
      if (uid === undefined) continue;
      const paths = keys.map((key) => joined('data', key));
      findings.push({
        ...{ kind: 'drift', cluster: instance.cluster, apiVersion: 'v1', objectKind: kind },
        ...{ namespace: binding.delivery.namespace, name: binding.externalName, objectUid: uid },
        ...{ instanceUid: instance.uid, bindingUid: binding.uid },
        detail: `What was delivered for this service binding was changed at ${shortList(paths)}. Chandler puts it back when it sees the change, some times a day; something else writes there again and again, or the repair failed.`,
      });
    }
  }
  return findings;
}

const mostPaths = 20;
const longestPath = 200;

function shortList(paths: readonly string[]): string {
  const shown = paths
    .slice(0, mostPaths)
    .map((path) => (path.length > longestPath ? `${path.slice(0, longestPath)}...` : path));
  const more = paths.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more places` : ''}`;
}
