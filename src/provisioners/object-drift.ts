import { ChandlerError } from '../domain/errors.ts';
import { KubeError } from '../kube/types.ts';
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
    const paths = differingPaths(live, applied.object);
    return paths.length === 0 ? undefined : { kind: 'changed', paths };
  } catch (thrown) {
    // What the API server says may quote a value. A conflict is an object that went this very moment.
    if (!(thrown instanceof KubeError) || thrown.passing || thrown.status === 401) {
      throw kubeFailure(thrown, 'ResourceFailed', '');
    }
    return thrown.reason === 'Conflict' ? undefined : { kind: 'refused' };
  }
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
