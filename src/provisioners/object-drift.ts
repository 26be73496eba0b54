import { ChandlerError } from '../domain/errors.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { namespaceAnnotationKeys } from '../lib/labels.ts';
import { assertNothingLost } from './data-loss.ts';
import { differingPaths } from './differing-paths.ts';
import { kubeFailure } from './kube-failure.ts';
import { look } from './plan-repair.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

export type ObjectDrift =
  /** An apply would change it there. */
  | { kind: 'changed'; paths: string[] }
  /** What the plan says of it can no longer be applied. */
  | { kind: 'refused' }
  /** Gone, going, or another one under its name; `lostData` when it must not be made anew without being asked. */
  | { kind: 'missing'; lostData: boolean };

/**
 * How an object differs from what the plan says. What others own beside our fields does not count. Looks only: nothing
 * that it asks the cluster for changes anything.
 * @param knownUid from the inventory
 * @returns undefined when it is as it should be
 * @throws ChandlerError `ClusterUnreachable`
 */
export async function objectDrift(
  { object }: DesiredObject,
  knownUid: string | undefined,
  target: InstanceTarget,
): Promise<ObjectDrift | undefined> {
  const live = await look(object, target);
  const stands = live !== undefined && live.metadata.deletionTimestamp === undefined;
  if (!stands || knownUid === undefined || live.metadata.uid !== knownUid) {
    return { kind: 'missing', lostData: await losesData(() => assertNothingLost(object, live, target)) };
  }
  try {
    const applied = await target.cluster.apply(
      { ...object, metadata: { ...object.metadata, uid: knownUid } },
      { dryRun: true },
    );
    const paths = differingPaths(live, withoutNewNotes(applied.object, live));
    return paths.length === 0 ? undefined : { kind: 'changed', paths };
  } catch (thrown) {
    // What the API server says may quote a value. A conflict is an object that went this very moment.
    if (!(thrown instanceof KubeError) || thrown.passing || thrown.status === 401) {
      throw kubeFailure(thrown, 'ResourceFailed', '');
    }
    return thrown.reason === 'Conflict' ? undefined : { kind: 'refused' };
  }
}

/** An older Chandler wrote no such annotations on namespaces: that they are absent is no change by another's hand. */
function withoutNewNotes(wanted: KubeObject, live: KubeObject): KubeObject {
  const { annotations } = wanted.metadata;
  if (wanted.kind !== 'Namespace' || annotations === undefined) return wanted;
  const known = live.metadata.annotations ?? {};
  const isNew = (key: string) => namespaceAnnotationKeys.includes(key) && !Object.hasOwn(known, key);
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !isNew(key)));
  const { annotations: _all, ...metadata } = wanted.metadata;
  const hasNone = live.metadata.annotations === undefined && Object.keys(kept).length === 0;
  return { ...wanted, metadata: hasNone ? metadata : { ...metadata, annotations: kept } };
}

async function losesData(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return false;
  } catch (thrown) {
    if (thrown instanceof ChandlerError && thrown.code === 'ResourceFailed') return true;
    throw thrown;
  }
}
