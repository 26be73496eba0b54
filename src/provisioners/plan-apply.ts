import type { KubeObject } from '../kube/types.ts';
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
 * Pure: compares what a resource should be with what its inventory holds.
 * @returns what to apply, in order, and what to remove because the resource no longer has it
 */
export function planApply<Known extends KnownObject>(
  desired: readonly DesiredObject[],
  inventory: readonly Known[],
): { apply: { desired: DesiredObject; knownUid?: string }[]; prune: Known[] } {
  const known = new Map(inventory.map((item) => [keyOf(item), item]));
  const wanted = new Set(desired.map(({ object }) => keyOf(inventoryKey(object))));
  const apply = [...desired].sort(byInstallOrder).flatMap((entry) => {
    const item = known.get(keyOf(inventoryKey(entry.object)));
    if (item?.objectUid !== undefined && item.appliedDigest === objectDigest(entry.object)) return [];
    return [{ desired: entry, ...(item?.objectUid === undefined ? {} : { knownUid: item.objectUid }) }];
  });
  return { apply, prune: inventory.filter((item) => !wanted.has(keyOf(item))) };
}

export function inventoryKey(object: KubeObject): Omit<KnownObject, 'objectUid' | 'appliedDigest'> {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
}

function keyOf(item: Omit<KnownObject, 'objectUid' | 'appliedDigest'>): string {
  return JSON.stringify([item.apiVersion, item.kind, item.namespace, item.name]);
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
