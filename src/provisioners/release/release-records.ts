/** What Helm wrote down of a release: one Secret per revision, whose labels say all that is needed here. */
import type { KubeObject } from '../../kube/types.ts';
import { annotationKeys } from '../../lib/labels.ts';
import type { InstanceTarget } from '../types.ts';

export interface ReleaseRecord {
  name: string;
  uid: string;
  version: number;
  /** `deployed`, `superseded`, `failed`, `pending-install`, `pending-upgrade`, `uninstalling`, ... */
  status: string;
  digest: string | undefined;
}

/** Newest last. @throws KubeError */
export async function releaseRecords(
  releaseName: string,
  { cluster, namespace }: Pick<InstanceTarget, 'cluster' | 'namespace'>,
): Promise<ReleaseRecord[]> {
  const labelSelector = `owner=helm,name=${releaseName}`;
  const secrets = await cluster.list(
    { apiVersion: 'v1', kind: 'Secret' },
    { namespace, labelSelector, metadataOnly: true },
  );
  return secrets.map(toRecord).sort((a, b) => a.version - b.version);
}

function toRecord({ metadata: { name, uid = '', labels = {} } }: KubeObject): ReleaseRecord {
  return {
    name,
    uid,
    version: Number(labels.version ?? 0),
    status: labels.status ?? '',
    digest: labels[annotationKeys.release],
  };
}

export type ReleaseDecision =
  /** Helm has been there with just this. */
  | { kind: 'done' }
  /** `locks` are records of runs that were cut short: Helm would refuse to go on. */
  | { kind: 'run'; locks: ReleaseRecord[] };

/**
 * Pure: what is to be done for a release to be as the digest says. A run that was killed leaves its record pending or
 * uninstalling; without that record Helm goes on from the last one that ended, and applies all objects again.
 */
export function decideRelease(records: readonly ReleaseRecord[], digest: string): ReleaseDecision {
  const newest = records.at(-1);
  if (newest?.status === 'deployed' && newest.digest === digest) return { kind: 'done' };
  const ended = ['deployed', 'superseded', 'failed'];
  return { kind: 'run', locks: records.filter(({ status }) => !ended.includes(status)) };
}
