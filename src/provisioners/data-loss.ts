/** What is lost for good with an object that is gone, so that nothing makes it anew as if nothing had happened. */
import { ChandlerError } from '../domain/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import { claimsOf } from './claim-templates.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Kinds that hold nothing but what is applied. Of any other, custom resources above all, nobody knows what went with
 * it. A StatefulSet keeps its data in claims, which are looked at.
 */
const holdNothing = new Set([
  ...['Namespace', 'Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'ResourceQuota', 'LimitRange', 'Pod'],
  ...[
    'apps/Deployment',
    'apps/DaemonSet',
    'apps/ReplicaSet',
    'apps/StatefulSet',
    'batch/Job',
    'batch/CronJob',
  ],
  ...['networking.k8s.io/NetworkPolicy', 'networking.k8s.io/Ingress', 'policy/PodDisruptionBudget'],
  ...['rbac.authorization.k8s.io/Role', 'rbac.authorization.k8s.io/RoleBinding'],
  'autoscaling/HorizontalPodAutoscaler',
]);

/** Whether users' data may be in an object of this kind itself. */
function mayHoldData({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  const group = apiVersion.includes('/') ? `${apiVersion.split('/')[0]}/` : '';
  return !holdNothing.has(`${group}${kind}`);
}

/**
 * @param live the object as it stands; undefined when it is gone
 * @throws ChandlerError `ResourceFailed` when making the object anew would begin with empty volumes,
 * `ClusterUnreachable`
 */
export async function assertNothingLost(
  object: KubeObject,
  live: KubeObject | undefined,
  target: InstanceTarget,
): Promise<void> {
  const isGoing = live === undefined || live.metadata.deletionTimestamp !== undefined;
  if (!isGoing) return;
  if (mayHoldData(object)) throw lost(`${object.kind} ${object.metadata.name}`, live);
  for (const name of claimsOf(object)) {
    const claim = await findClaim(name, target);
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) {
      throw lost(`PersistentVolumeClaim ${name}`, claim);
    }
  }
}

function lost(what: string, live: KubeObject | undefined): ChandlerError {
  const how = live === undefined ? 'is gone' : 'is being deleted';
  return new ChandlerError('ResourceFailed', {
    sentence: `${what} ${how}, and with it the data that it held. It is made anew, and empty, only by a repair that is told to begin with empty volumes. Restore it from a backup first, if there is one.`,
  });
}

async function findClaim(name: string, { cluster, namespace }: InstanceTarget) {
  try {
    return await cluster.get({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name });
  } catch (thrown) {
    throw kubeFailure(thrown, 'ResourceFailed', `PersistentVolumeClaim ${name} could not be looked at`);
  }
}
