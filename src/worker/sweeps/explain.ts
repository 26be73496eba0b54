/**
 * Which objects no row explains, and which rows no object bears out. Pure.
 *
 * An object is explained by
 * - an inventory that knows its uid, or that was about to apply it (same reference, no uid yet);
 * - a binding that is not unbound and delivers a Secret and a ConfigMap of that name to that namespace;
 * - a controller: it has an owner, or is of a kind that controllers make and lies in the namespace of its instance;
 * - an operation on its instance or binding, which may be about to write down what it makes.
 *
 * Anybody who may write objects may write our labels on them. So a label alone explains nothing and permits nothing:
 * what is taken for the work of a late worker must also lie where that worker could have put it.
 */
import { labelKeys } from '../../lib/labels.ts';
import type { LabelledObject } from '../../provisioners/labelled-objects.ts';
import { namespaceResourceId } from '../../provisioners/namespace-object.ts';
import type {
  ClusterRows,
  SweptBinding,
  SweptInstance,
  SweptItem,
  Tombstones,
} from '../../store/sweep-types.ts';
import type { NewFinding } from '../../store/types.ts';

/** Made without an owner by controllers, with labels that they copied from ours. */
const controllerKinds = new Set(['Pod', 'PersistentVolumeClaim', 'Endpoints']);
const deliveredKinds = ['Secret', 'ConfigMap'];

type Reference = Pick<LabelledObject, 'apiVersion' | 'kind' | 'namespace' | 'name'>;

export function keyOf({ apiVersion, kind, namespace, name }: Reference): string {
  return JSON.stringify([apiVersion, kind, namespace, name]);
}

export const instanceLabel = ({ labels }: LabelledObject): string => labels[labelKeys.instance] ?? '';
export const bindingLabel = ({ labels }: LabelledObject): string => labels[labelKeys.binding] ?? '';

function isDelivery(object: Reference, binding: SweptBinding, cluster: string): boolean {
  return (
    object.apiVersion === 'v1' &&
    deliveredKinds.includes(object.kind) &&
    object.name === binding.externalName &&
    object.namespace === binding.delivery?.namespace &&
    cluster === binding.delivery.cluster
  );
}

/** The objects that nothing explains. */
export function unexplained(
  objects: readonly LabelledObject[],
  rows: ClusterRows,
  cluster: string,
): LabelledObject[] {
  const instances = new Map(rows.instances.map((instance) => [instance.uid, instance]));
  const bindings = new Map(rows.bindings.map((binding) => [binding.uid, binding]));
  const applied = new Set(rows.items.map(({ objectUid }) => objectUid));
  const planned = new Set(
    rows.items
      .filter(({ objectUid }) => objectUid === undefined)
      .map((item) => `${item.instanceUid} ${keyOf(item)}`),
  );
  return objects.filter((object) => {
    if (applied.has(object.uid) || object.owned) return false;
    const instance = instances.get(instanceLabel(object));
    const binding = bindings.get(bindingLabel(object));
    if (instance === undefined) return true;
    if (instance.busy || planned.has(`${instance.uid} ${keyOf(object)}`)) return false;
    if (binding?.instanceUid === instance.uid && (binding.busy || isDelivery(object, binding, cluster))) {
      return false;
    }
    return !(controllerKinds.has(object.kind) && object.namespace === instance.namespace);
  });
}

/** An object that a worker left which came late, and the end of what it worked for. */
export interface Straggler {
  object: LabelledObject;
  instanceUid: string;
  /** What ended. */
  of: 'instance' | 'binding';
}

/**
 * Parts what nothing explains. An object of an acknowledged deprovision or unbind, in a place where that instance or
 * binding had its objects, is a straggler; while its tombstone is not settled it is neither.
 */
export function partStragglers(
  objects: readonly LabelledObject[],
  tombstones: Tombstones,
  cluster: string,
): { stragglers: Straggler[]; strange: LabelledObject[] } {
  const instances = new Map(tombstones.instances.map((instance) => [instance.uid, instance]));
  const bindings = new Map(tombstones.bindings.map((binding) => [binding.uid, binding]));
  const stragglers: Straggler[] = [];
  const strange: LabelledObject[] = [];
  for (const object of objects) {
    const instanceUid = instanceLabel(object);
    const instance = instances.get(instanceUid);
    const binding = bindings.get(bindingLabel(object));
    if (instance !== undefined && isPlaceOf(object, instance, cluster)) {
      if (instance.settled) stragglers.push({ object, instanceUid, of: 'instance' });
    } else if (binding?.instanceUid === instanceUid && isDelivery(object, binding, cluster)) {
      if (binding.settled) stragglers.push({ object, instanceUid, of: 'binding' });
    } else strange.push(object);
  }
  return { stragglers, strange };
}

function isPlaceOf(object: LabelledObject, instance: SweptInstance, cluster: string): boolean {
  if (instance.cluster !== cluster) return false;
  const { apiVersion, kind, name, namespace } = object;
  const isItsNamespace = apiVersion === 'v1' && kind === 'Namespace' && name === instance.namespace;
  const isNamedAfterIt = name === instance.externalName || name.startsWith(`${instance.externalName}-`);
  return isItsNamespace || isNamedAfterIt || namespace === instance.namespace;
}

/** What is told of objects that nothing explains. Those in a namespace that is told of itself are only counted. */
export function findingsOf(
  strange: readonly LabelledObject[],
  rows: ClusterRows,
  cluster: string,
): NewFinding[] {
  const live = new Set(rows.instances.map(({ uid }) => uid));
  const namespaces = new Map(
    strange.filter(({ kind }) => kind === 'Namespace').map((object) => [object.name, instanceLabel(object)]),
  );
  const isWithin = (object: LabelledObject) =>
    object.namespace !== '' && namespaces.get(object.namespace) === instanceLabel(object);
  return strange
    .filter((object) => !isWithin(object))
    .map((object) => {
      const held = strange.filter((other) => isWithin(other) && other.namespace === object.name).length;
      const holds = object.kind === 'Namespace' && held > 0 ? ` It holds ${held} more of its objects.` : '';
      return objectWithoutRow(
        object,
        cluster,
        live.has(instanceLabel(object))
          ? `The service instance of its label is there, but nothing that Chandler wrote down explains this object.${holds}`
          : `There is no service instance for its label that could explain this object.${holds}`,
      );
    });
}

export function objectWithoutRow(object: LabelledObject, cluster: string, detail: string): NewFinding {
  const bindingUid = bindingLabel(object);
  return {
    kind: 'object without row',
    cluster,
    apiVersion: object.apiVersion,
    objectKind: object.kind,
    namespace: object.namespace,
    name: object.name,
    objectUid: object.uid,
    instanceUid: instanceLabel(object),
    ...(bindingUid === '' ? {} : { bindingUid }),
    detail,
  };
}

/** An object that a row speaks of and a list did not show. */
export interface Missing extends Reference {
  /** The uid it must have, of an inventory; or the binding whose label it must carry. */
  expected: { uid: string } | { bindingUid: string };
  isInstanceNamespace: boolean;
  finding: NewFinding;
}

/** States in which all that was applied should be there. */
const standing = new Set(['ready', 'update failed', 'deprovision failed']);

/** What rows speak of that is not among the objects. Only where no operation is at work. */
export function findMissing(
  objects: readonly LabelledObject[],
  rows: ClusterRows,
  cluster: string,
): Missing[] {
  const instances = new Map(rows.instances.map((instance) => [instance.uid, instance]));
  const stands = (instance: SweptInstance | undefined): instance is SweptInstance =>
    instance !== undefined && !instance.busy && standing.has(instance.state);
  const uids = new Set(objects.map(({ uid }) => uid));
  const items = rows.items
    .filter(
      ({ objectUid, instanceUid }) =>
        objectUid !== undefined && !uids.has(objectUid) && stands(instances.get(instanceUid)),
    )
    .map((item) => missingItem(item, cluster));
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  const deliveries = rows.bindings
    .filter(
      ({ state, busy, expired, instanceUid }) =>
        state === 'bound' && !busy && !expired && stands(instances.get(instanceUid)),
    )
    .flatMap((binding) => deliveriesOf(binding, cluster))
    .filter((missing) => !isBorneOut(missing, byKey.get(keyOf(missing))));
  return [...items, ...deliveries];
}

export function isBorneOut({ expected }: Missing, found: LabelledObject | undefined): boolean {
  if (found === undefined) return false;
  return 'uid' in expected ? found.uid === expected.uid : bindingLabel(found) === expected.bindingUid;
}

function missingItem(item: SweptItem, cluster: string): Missing {
  const { apiVersion, kind, namespace, name, instanceUid, resourceId, objectUid = '' } = item;
  return {
    ...{ apiVersion, kind, namespace, name },
    expected: { uid: objectUid },
    isInstanceNamespace: resourceId === namespaceResourceId,
    finding: {
      ...{ kind: 'row without object', cluster, apiVersion, objectKind: kind, namespace, name },
      ...{ objectUid, instanceUid },
      detail:
        resourceId === namespaceResourceId
          ? 'The namespace of this service instance is gone, with all that it held. It is not made anew by itself.'
          : `What the resource ${resourceId} of this service instance made is gone, or somebody put another object in its place.`,
    },
  };
}

function deliveriesOf(binding: SweptBinding, cluster: string): Missing[] {
  const { uid: bindingUid, instanceUid, externalName: name, delivery } = binding;
  if (delivery?.cluster !== cluster) return [];
  const { namespace } = delivery;
  return deliveredKinds.map((kind) => ({
    ...{ apiVersion: 'v1', kind, namespace, name },
    expected: { bindingUid },
    isInstanceNamespace: false,
    finding: {
      ...{ kind: 'row without object', cluster, apiVersion: 'v1', objectKind: kind, namespace, name },
      ...{ instanceUid, bindingUid },
      detail: `The ${kind} that was delivered for this service binding is gone, or is another one.`,
    },
  }));
}
