/** What the fake cluster knows of Kubernetes' own ways: kinds, merging of applied fields, status of ready workloads. */
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { asJson, jsonAt, numberAt, textAt } from './json-at.ts';
import type { KubeObject } from './types.ts';

const namespacedKinds: Record<string, string[]> = {
  v1: [
    'ConfigMap',
    'Endpoints',
    'Event',
    'LimitRange',
    'PersistentVolumeClaim',
    'Pod',
    'ResourceQuota',
    'Secret',
    'Service',
    'ServiceAccount',
  ],
  'apps/v1': ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  'batch/v1': ['CronJob', 'Job'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'policy/v1': ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding'],
};
const clusterKinds: Record<string, string[]> = {
  v1: ['Namespace', 'Node', 'PersistentVolume'],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding'],
  'storage.k8s.io/v1': ['StorageClass'],
};

/** `apiVersion/Kind` to whether it is namespaced. */
export function builtInKinds(): Map<string, boolean> {
  const entries = (kinds: Record<string, string[]>, namespaced: boolean) =>
    Object.entries(kinds).flatMap(([apiVersion, names]) =>
      names.map((kind): [string, boolean] => [`${apiVersion}/${kind}`, namespaced]),
    );
  return new Map([...entries(namespacedKinds, true), ...entries(clusterKinds, false)]);
}

/**
 * Server-side apply as far as one field manager needs it: what was applied before and is missing now goes, what is
 * applied now replaces, maps are merged, everything else stays.
 */
export function mergeApplied(live: JsonObject, before: JsonObject | undefined, now: JsonObject): JsonObject {
  const merged = { ...live };
  for (const [key, old] of Object.entries(before ?? {})) {
    if (key in now) continue;
    const current = merged[key];
    const rest = isJsonObject(old) && isJsonObject(current) ? mergeApplied(current, old, {}) : {};
    if (Object.keys(rest).length > 0) merged[key] = rest;
    else delete merged[key];
  }
  for (const [key, value] of Object.entries(now)) {
    const current = merged[key];
    const old = before?.[key];
    merged[key] =
      isJsonObject(value) && isJsonObject(current)
        ? mergeApplied(current, isJsonObject(old) ? old : undefined, value)
        : value;
  }
  return merged;
}

/** `stringData` is written into `data`, as the API server does. */
export function withStringData(object: JsonObject): JsonObject {
  const { stringData, ...rest } = object;
  if (object.kind !== 'Secret' || !isJsonObject(stringData)) return object;
  const encoded = Object.entries(stringData).map(([key, value]): [string, JsonValue] => [
    key,
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64'),
  ]);
  const data = isJsonObject(rest.data) ? rest.data : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}

/** The status that the controllers would write once everything works; undefined for kinds that have none. */
export function readyStatus(object: KubeObject): JsonObject | undefined {
  const replicas = numberAt(asJson(object), 'spec', 'replicas') ?? 1;
  const observedGeneration = object.metadata.generation ?? 1;
  switch (object.kind) {
    case 'StatefulSet':
      return {
        observedGeneration,
        replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
        updatedReplicas: replicas,
        currentReplicas: replicas,
        currentRevision: `r${observedGeneration}`,
        updateRevision: `r${observedGeneration}`,
      };
    case 'Deployment':
    case 'ReplicaSet':
      return {
        observedGeneration,
        replicas,
        fullyLabeledReplicas: replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
        updatedReplicas: replicas,
        conditions: [{ type: 'Available', status: 'True' }],
      };
    case 'DaemonSet':
      return {
        observedGeneration,
        desiredNumberScheduled: 1,
        currentNumberScheduled: 1,
        updatedNumberScheduled: 1,
        numberAvailable: 1,
        numberReady: 1,
      };
    case 'PersistentVolumeClaim':
      return { phase: 'Bound', capacity: jsonAt(asJson(object), 'spec', 'resources', 'requests') ?? {} };
    case 'Pod':
      return { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    case 'Job':
      return { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] };
    default:
      return undefined;
  }
}

/** What an API server fills in by itself when an object is made. */
export function withDefaults(object: JsonObject, serial: number): JsonObject {
  const spec = isJsonObject(object.spec) ? object.spec : undefined;
  if (object.kind === 'Namespace') return { ...object, status: { phase: 'Active' } };
  if (object.kind === 'PersistentVolumeClaim') return { ...object, status: { phase: 'Pending' } };
  if (object.kind === 'Secret') return { ...object, type: object.type ?? 'Opaque' };
  const external = textAt(spec, 'type') === 'ExternalName';
  if (object.kind === 'Service' && spec !== undefined && !external && spec.clusterIP === undefined) {
    return { ...object, spec: { ...spec, clusterIP: `10.96.${(serial >> 8) % 256}.${serial % 256}` } };
  }
  return object;
}

export function hasFinalizers(object: KubeObject): boolean {
  const finalizers = object.metadata.finalizers;
  return Array.isArray(finalizers) && finalizers.length > 0;
}
