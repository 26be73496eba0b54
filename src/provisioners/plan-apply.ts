import type { KubeObject } from '../kube/types.ts';
import { apiGroupOf } from '../lib/api-group.ts';
import { objectDigest } from './apply-object.ts';
import type { DesiredObject } from './types.ts';

/** What the inventory knows of an object. */
export interface KnownObject {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  objectUid?: string;
  appliedDigest?: string;
}

/**
 * Pure: compares what a resource should be with what its inventory holds. An object of another version of its kind is
 * the same object.
 * @returns what to apply, in order; what to remove because the resource no longer has it; and what the inventory knows
 * by another version of the kind, under which nobody is to look for it any more
 */
export function planApply<Known extends KnownObject>(
  desired: readonly DesiredObject[],
  inventory: readonly Known[],
): { apply: { desired: DesiredObject; knownUid?: string }[]; prune: Known[]; outdated: Known[] } {
  const known = new Map(inventory.map((item) => [keyOf(item), item]));
  const wanted = new Map(desired.map(({ object }) => [keyOf(inventoryKey(object)), object.apiVersion]));
  const apply = [...desired].sort(byInstallOrder).flatMap((entry) => {
    const item = known.get(keyOf(inventoryKey(entry.object)));
    if (item?.objectUid !== undefined && item.appliedDigest === objectDigest(entry.object)) return [];
    return [{ desired: entry, ...(item?.objectUid === undefined ? {} : { knownUid: item.objectUid }) }];
  });
  return {
    apply,
    prune: inventory.filter((item) => !wanted.has(keyOf(item))),
    outdated: inventory.filter((item) => (wanted.get(keyOf(item)) ?? item.apiVersion) !== item.apiVersion),
  };
}

export function inventoryKey(object: KubeObject): Omit<KnownObject, 'objectUid' | 'appliedDigest'> {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
}

/** What tells objects of one cluster apart, in whatever version of its kind each is written. */
export function keyOf(item: Omit<KnownObject, 'objectUid' | 'appliedDigest'>): string {
  return JSON.stringify([apiGroupOf(item.apiVersion), item.kind, item.namespace, item.name]);
}

/** Kinds that others need come first, as helm sorts them; workloads last. */
const installOrder = [
  'Namespace',
  'NetworkPolicy',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolumeClaim',
];
const workloads = ['Pod', 'ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];

function byInstallOrder(left: DesiredObject, right: DesiredObject): number {
  return rank(left.object.kind) - rank(right.object.kind);
}

function rank(kind: string): number {
  if (workloads.includes(kind)) return installOrder.length + 1;
  const position = installOrder.indexOf(kind);
  return position === -1 ? installOrder.length : position;
}
