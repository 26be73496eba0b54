import { createHash } from 'node:crypto';
import { ChandlerError } from '../domain/errors.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { canonicalJson, type JsonValue } from '../lib/json.ts';
import { labelKeys } from '../lib/labels.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

export interface AppliedObject {
  objectUid: string;
  appliedDigest: string;
  /** `metadata.generation`, for kinds that have one. */
  appliedGeneration?: number;
}

/** Digest of what would be applied, to know an apply that changes nothing. */
export function objectDigest(object: KubeObject): string {
  return digestOf(object as unknown as JsonValue);
}

/** Digest of a JSON value; equal values have equal digests. */
export function digestOf(value: JsonValue): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/**
 * Applies one object by server-side apply. Server-side apply alone would adopt a stranger's object silently, so the
 * first time the object is read first (or, outside the instance's own namespace, created bare), and ever after the
 * uid from the inventory travels along: the API server then answers a late worker with 409 instead of resurrecting.
 * @param knownUid uid from the inventory, when the object was applied before
 * @throws ChandlerError `AdoptionRefused`, `ApplyRejected`, `ClusterUnreachable`
 */
export async function applyObject(
  object: KubeObject,
  knownUid: string | undefined,
  target: InstanceTarget,
): Promise<AppliedObject> {
  const what = `${object.kind} ${object.metadata.name}`;
  try {
    const uid = knownUid ?? (await uidOfOurs(object, target));
    const { object: applied, warnings } = await target.cluster.apply(
      uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } },
    );
    const violation = warnings.find((warning) => warning.includes('would violate PodSecurity'));
    if (violation !== undefined) {
      throw new ChandlerError('ApplyRejected', { sentence: `${what} cannot run: ${violation}` });
    }
    const { uid: objectUid = '', generation } = applied.metadata;
    return {
      objectUid,
      appliedDigest: objectDigest(object),
      ...(generation === undefined ? {} : { appliedGeneration: generation }),
    };
  } catch (thrown) {
    throw kubeFailure(thrown, 'ApplyRejected', `Kubernetes rejected ${what}`);
  }
}

/**
 * The same where an older version is brought back. A volume that grew meanwhile cannot shrink: it stays as it is, and
 * counts as applied.
 * @throws ChandlerError as applyObject
 */
export async function reapplyObject(
  object: KubeObject,
  knownUid: string | undefined,
  target: InstanceTarget,
): Promise<AppliedObject> {
  try {
    return await applyObject(object, knownUid, target);
  } catch (thrown) {
    const isRefused = thrown instanceof ChandlerError && thrown.code === 'ApplyRejected';
    if (!isRefused || object.kind !== 'PersistentVolumeClaim' || knownUid === undefined) throw thrown;
    return { objectUid: knownUid, appliedDigest: objectDigest(object) };
  }
}

async function uidOfOurs(object: KubeObject, target: InstanceTarget): Promise<string | undefined> {
  // Other cluster-scoped objects have the instance's name in theirs, and many kinds cannot be made bare.
  if (object.kind !== 'Namespace') return uidIfOurs(object, target);
  try {
    const { apiVersion, kind, metadata } = object;
    const bare = await target.cluster.create({ apiVersion, kind, metadata });
    return bare.metadata.uid;
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.reason === 'AlreadyExists') return uidIfOurs(object, target);
    throw thrown;
  }
}

async function uidIfOurs(object: KubeObject, target: InstanceTarget): Promise<string | undefined> {
  const { apiVersion, kind, metadata } = object;
  const found = await target.cluster.get({
    apiVersion,
    kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  });
  if (found === undefined) return undefined;
  if (!isOurs(found, target)) {
    throw new ChandlerError('AdoptionRefused', {
      sentence: `${kind} ${metadata.name} exists already and does not belong to this service instance.`,
    });
  }
  return found.metadata.uid;
}

/** Whether an object carries the labels of this installation and instance. */
export function isOurs(object: KubeObject, target: Pick<InstanceTarget, 'identity'>): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    labels[labelKeys.installation] === target.identity.installationId &&
    labels[labelKeys.instance] === target.identity.instanceUid
  );
}
