/** Objects that operators make, and that plans only read. */
import { readiness } from '../kube/readiness.ts';
import type { KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { readableParts } from './instance-scope.ts';
import { kubeFailure, operatorMissing } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

export interface ReadObject {
  state: { kind: 'ready' } | { kind: 'waiting'; message: string };
  /** May hold a password: never log it. */
  outputs: JsonObject;
}

/**
 * Looks up an object by its name in the instance's namespace.
 * @returns undefined when it is not there (yet)
 * @throws ChandlerError `ClusterUnreachable`, `OperatorMissing`, `ResourceFailed`
 */
export async function readObject(
  { apiVersion, kind, name }: { apiVersion: string; kind: string; name: string },
  { cluster, namespace }: Pick<InstanceTarget, 'cluster' | 'namespace'>,
): Promise<ReadObject | undefined> {
  try {
    const object = await cluster.get({ apiVersion, kind, namespace, name });
    return object === undefined ? undefined : { state: stateOf(object), outputs: readOutputs(object) };
  } catch (thrown) {
    throw (
      operatorMissing(thrown) ?? kubeFailure(thrown, 'ResourceFailed', `${kind} ${name} could not be read`)
    );
  }
}

function stateOf(object: KubeObject): ReadObject['state'] {
  const { status, message } = readiness(object);
  if (status === 'current') return { kind: 'ready' };
  return { kind: 'waiting', message: `${object.kind} ${object.metadata.name}: ${message}` };
}

/** Of Secrets and ConfigMaps the entries as texts, of others metadata, spec and status. */
function readOutputs(object: KubeObject): JsonObject {
  const { name } = object.metadata;
  const isSecret = object.kind === 'Secret';
  if (object.apiVersion !== 'v1' || (!isSecret && object.kind !== 'ConfigMap')) {
    return { name, ...readableParts(object) };
  }
  const data = Object.entries((object.data ?? {}) as Record<string, string>);
  const texts = data.map(([key, value]) => [key, isSecret ? Buffer.from(value, 'base64').toString() : value]);
  return { name, data: Object.fromEntries(texts) };
}
