import { ChandlerError } from '../domain/errors.ts';
import { findViolations } from '../domain/policy/find-violations.ts';
import { kindOf } from '../domain/policy/read-object.ts';
import { isNamespaced } from '../domain/policy/scope-rules.ts';
import type { PolicyQuestion } from '../domain/policy/types.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Stands between rendering and applying: what the policy of the plan does not allow is refused before anything of the
 * resource reaches the cluster.
 * @returns the same objects, where they belong: in the namespace of the instance, cluster-scoped ones in none
 * @throws ChandlerError `ApplyRejected` that names everything found, KubeError
 */
export async function checkPolicy(
  objects: readonly KubeObject[],
  target: Pick<InstanceTarget, 'name' | 'namespace' | 'cluster' | 'policy'>,
  options: Pick<PolicyQuestion, 'hooks' | 'kinds'>,
): Promise<KubeObject[]> {
  const { scopes, unknown } = await scopesOf(objects, target.cluster);
  const question: PolicyQuestion = {
    ...options,
    policy: target.policy ?? {},
    instance: { name: target.name, namespace: target.namespace },
    isNamespaced: (kind) => scopes.get(kind),
  };
  const sentence = findViolations(objects.map(asJson), question);
  if (sentence !== undefined) throw new ChandlerError('ApplyRejected', { sentence });
  if (unknown !== undefined) throw unknown;
  return objects.map((object) => {
    const { namespace: _given, ...metadata } = object.metadata;
    const isInside = isNamespaced(kindOf(asJson(object)), question);
    return { ...object, metadata: isInside ? { ...metadata, namespace: target.namespace } : metadata };
  });
}

/** A kind that the cluster does not have is told only when the policy has nothing to say. */
async function scopesOf(
  objects: readonly KubeObject[],
  cluster: InstanceTarget['cluster'],
): Promise<{ scopes: ReadonlyMap<string, boolean>; unknown: KubeError | undefined }> {
  const scopes = new Map<string, boolean>();
  let unknown: KubeError | undefined;
  for (const object of objects) {
    try {
      scopes.set(kindOf(asJson(object)), await cluster.isNamespaced(object));
    } catch (thrown) {
      if (!(thrown instanceof KubeError) || thrown.reason !== 'UnknownKind') throw thrown;
      unknown ??= thrown;
    }
  }
  return { scopes, unknown };
}

function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}
