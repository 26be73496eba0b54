import { type Cluster, type KindReference, KubeError, type KubeObject } from '../../kube/types.ts';
import { annotationKeys, labelKeys } from '../../lib/labels.ts';
import { OrphanRefused } from './orphan-refused.ts';

/** What makes an object ours beside the labels, which anybody may write: the field manager that applied it. */
const fieldManager = 'chandler';

/** An object that we applied, under the API version by which we did. */
export interface AppliedLiveObject {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  resourceId: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws OrphanRefused when the label is none of ours: rows need a UUID */
export function assertUid(uid: string | undefined, what: string): string {
  if (uid !== undefined && uuid.test(uid)) return uid;
  throw new OrphanRefused(
    `The label of ${what} is not one that Chandler writes. Somebody else made it: see to it with kubectl.`,
  );
}

/**
 * The namespace of an instance as it stands.
 * @throws OrphanRefused when there is none, or more than one claims to be it
 */
export async function findNamespace(
  cluster: Cluster,
  installationId: string,
  instanceUid: string,
): Promise<KubeObject> {
  const found = await cluster.list(
    { apiVersion: 'v1', kind: 'Namespace' },
    { labelSelector: selectorOf(installationId, instanceUid) },
  );
  const [namespace, another] = found;
  if (namespace === undefined) {
    throw new OrphanRefused(
      `No namespace carries the label ${labelKeys.instance}=${instanceUid}: what is left of this instance cannot be adopted. Remove it with kubectl.`,
    );
  }
  if (another !== undefined) {
    const names = found.map(({ metadata }) => metadata.name).join(', ');
    throw new OrphanRefused(
      `Several namespaces claim to be the one instance ${instanceUid}: ${names}. Take the label ${labelKeys.instance} off the wrong ones.`,
    );
  }
  return namespace;
}

/**
 * Everything in a namespace that was applied for the instance, oldest first; what controllers made of it is left out.
 * Kinds that may not be listed are left out too: an apply finds such an object by its name.
 */
export async function listApplied(
  cluster: Cluster,
  installationId: string,
  instanceUid: string,
  namespace: string,
): Promise<AppliedLiveObject[]> {
  const labelSelector = selectorOf(installationId, instanceUid);
  const found = new Map<string, { createdAt: string; object: AppliedLiveObject }>();
  for (const kind of await namespacedKinds(cluster)) {
    for (const object of await listIfServed(cluster, kind, namespace, labelSelector)) {
      const applied = toApplied(object);
      // Seen once more under each other version of its group.
      if (applied === undefined || found.has(applied.uid)) continue;
      found.set(applied.uid, { createdAt: object.metadata.creationTimestamp ?? '', object: applied });
    }
  }
  return [...found.values()]
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : Number(a.createdAt > b.createdAt)))
    .map(({ object }) => object);
}

/** @returns undefined when neither we nor helm for us applied it for a resource of the instance itself */
export function toApplied(object: KubeObject): AppliedLiveObject | undefined {
  const { name, namespace = '', uid, labels = {}, annotations = {}, managedFields } = object.metadata;
  const resourceId = labels[labelKeys.resource];
  const managers = Array.isArray(managedFields) ? (managedFields as ManagedFields[]) : [];
  // Hooks come and go. helm calls itself as its binary is called.
  const isReleased =
    annotations[annotationKeys.release] !== undefined && annotations['helm.sh/hook'] === undefined;
  const ours = managers.find(
    ({ manager, operation }) => (manager === fieldManager || isReleased) && operation === 'Apply',
  );
  if (uid === undefined || resourceId === undefined || ours === undefined) return undefined;
  return { apiVersion: ours.apiVersion, kind: object.kind, namespace, name, uid, resourceId };
}

interface ManagedFields {
  manager: string;
  operation: string;
  apiVersion: string;
}

function selectorOf(installationId: string, instanceUid: string): string {
  return `${labelKeys.installation}=${installationId},${labelKeys.instance}=${instanceUid},!${labelKeys.binding}`;
}

async function namespacedKinds(cluster: Cluster): Promise<KindReference[]> {
  const { apiVersions } = await cluster.version();
  const kinds: KindReference[] = [];
  for (const text of apiVersions) {
    const slash = text.lastIndexOf('/');
    const kind = { apiVersion: text.slice(0, Math.max(slash, 0)), kind: text.slice(slash + 1) };
    // `group/version` stands beside `group/version/Kind`.
    if (/^[A-Z]/.test(kind.kind) && (await cluster.isNamespaced(kind))) kinds.push(kind);
  }
  return kinds;
}

/** Nothing, of kinds that exist to be created only, and of those that these credentials may not list. */
const unlisted = [403, 404, 405];

async function listIfServed(
  cluster: Cluster,
  kind: KindReference,
  namespace: string,
  labelSelector: string,
): Promise<KubeObject[]> {
  try {
    return await cluster.list(kind, { namespace, labelSelector, metadataOnly: true });
  } catch (thrown) {
    if (thrown instanceof KubeError && unlisted.includes(thrown.status)) return [];
    throw thrown;
  }
}
