import { ChandlerError } from '../domain/errors.ts';
import type { KindReference, KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

type NamespaceTarget = Pick<InstanceTarget, 'cluster' | 'namespace' | 'identity'>;

/** Kinds whose loss somebody else would feel. What controllers derive (pods, endpoints) hangs on these. */
const foreignKinds: KindReference[] = [
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
];

/**
 * Makes sure that the instance's namespace holds nothing of anybody else before anything in it is deleted.
 * @param madeFor names and uids of the instance's own objects: what an operator or a controller labels with one of them
 * it made for the instance
 * @throws ChandlerError `ResourceFailed` that names what is in the way, `ClusterUnreachable`
 */
export async function refuseForeignObjects(
  target: NamespaceTarget,
  madeFor: ReadonlySet<string> = new Set(),
): Promise<void> {
  const foreign = await findForeign(target, madeFor);
  if (foreign.length === 0) return;
  throw new ChandlerError('ResourceFailed', {
    sentence: `The namespace ${target.namespace} holds objects that Chandler did not make: ${foreign.slice(0, 10).join(', ')}. Move or delete them, then deprovision again.`,
  });
}

async function findForeign(
  { cluster, namespace, identity }: NamespaceTarget,
  madeFor: ReadonlySet<string>,
): Promise<string[]> {
  // `!=` also fits objects without the label; another Chandler's objects are foreign too.
  const labelSelector = `${labelKeys.installation}!=${identity.installationId}`;
  try {
    const lists = await Promise.all(
      foreignKinds.map((kind) => cluster.list(kind, { namespace, labelSelector })),
    );
    return lists
      .flat()
      .filter((object) => !isDerived(object) && !isMadeFor(object, madeFor))
      .map((object) => `${object.kind} ${object.metadata.name}`);
  } catch (thrown) {
    throw kubeFailure(thrown, 'ResourceFailed', `The namespace ${namespace} could not be looked through`);
  }
}

/** Objects that Kubernetes puts into every namespace, or that a controller made from an object of ours. */
function isDerived(object: KubeObject): boolean {
  const owners = object.metadata.ownerReferences;
  return (
    (Array.isArray(owners) && owners.length > 0) ||
    (object.kind === 'ConfigMap' && object.metadata.name === 'kube-root-ca.crt')
  );
}

/** Operators do not always set owners, and claims of a StatefulSet have none: their labels tell, or the name of a claim. */
function isMadeFor({ kind, metadata }: KubeObject, madeFor: ReadonlySet<string>): boolean {
  if (Object.values(metadata.labels ?? {}).some((value) => madeFor.has(value))) return true;
  const claimed = kind === 'PersistentVolumeClaim' ? /^(.+)-\d+$/.exec(metadata.name)?.[1] : undefined;
  return [...madeFor].some((owner) => claimed?.endsWith(`-${owner}`) === true);
}
