import { ChandlerError } from '../domain/errors.ts';
import type { Cluster, KindReference, KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import { isOurs } from './apply-object.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/** Kinds whose loss somebody else would feel. What controllers derive (pods, endpoints) hangs on these. */
const foreignKinds: KindReference[] = [
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
];

/**
 * Deletes the instance's namespace, with all that is in it, after making sure that it is ours and holds nothing of
 * anybody else. Idempotent.
 * @returns `gone` when there is nothing of ours (any more), `deleting` while Kubernetes works on it
 * @throws ChandlerError `ResourceFailed` when foreign objects are in the way, `ClusterUnreachable`
 */
export async function removeNamespace(target: InstanceTarget): Promise<'gone' | 'deleting'> {
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: target.namespace };
  try {
    const namespace = await target.cluster.get(reference);
    if (namespace === undefined || !isOurs(namespace, target)) return 'gone';
    if (namespace.metadata.deletionTimestamp !== undefined) return 'deleting';
    const foreign = await findForeign(target.cluster, target.namespace);
    if (foreign.length > 0) {
      throw new ChandlerError('ResourceFailed', {
        sentence: `The namespace ${target.namespace} holds objects that Chandler did not make: ${foreign.join(', ')}. Move or delete them, then deprovision again.`,
      });
    }
    return await target.cluster.delete(reference, { uid: namespace.metadata.uid ?? '' });
  } catch (thrown) {
    throw kubeFailure(thrown, 'ResourceFailed', `The namespace ${target.namespace} could not be deleted`);
  }
}

async function findForeign(cluster: Cluster, namespace: string): Promise<string[]> {
  const selector = `!${labelKeys.installation}`;
  const lists = await Promise.all(
    foreignKinds.map((kind) => cluster.list(kind, { namespace, labelSelector: selector })),
  );
  return lists
    .flat()
    .filter((object) => !isDerived(object))
    .map((object) => `${object.kind} ${object.metadata.name}`);
}

/** Objects that Kubernetes puts into every namespace, or that a controller made from an object of ours. */
function isDerived(object: KubeObject): boolean {
  const owners = object.metadata.ownerReferences;
  return (
    (Array.isArray(owners) && owners.length > 0) ||
    (object.kind === 'ConfigMap' && object.metadata.name === 'kube-root-ca.crt')
  );
}
