/** Pods of a version that their controller replaces: what is wrong with them is no reason why the new one does not come. */
import type { JsonObject } from '../lib/json.ts';
import { asJson, numberAt, objectsAt, textAt } from './json-at.ts';
import type { KubeObject, ObjectReference } from './types.ts';

type Known = ObjectReference & { uid: string };

/**
 * Of these objects the pods that are, or may be, of another version than the newest of their StatefulSet, DaemonSet or
 * Deployment, as far as its controller has seen its last change. Which one is the newest of a Deployment only its
 * ReplicaSets tell: without them all of its pods may be old while there are pods of several (see rivalReplicaSets).
 */
export function oldPods(objects: readonly KubeObject[]): KubeObject[] {
  const pods = objects.filter(isLivePod);
  const newest = new Map(objects.flatMap(newestRevision));
  const replaced = replacedReplicaSets(pods, objects);
  return pods.filter((pod) => {
    const uid = textAt(controllerOf(pod), 'uid') ?? '';
    const revision = newest.get(uid);
    if (revision !== undefined) return pod.metadata.labels?.[revision.label] !== revision.value;
    return replaced.has(uid);
  });
}

/** The ReplicaSets of Deployments that have pods of several: nobody watches them, and here they count. */
export function rivalReplicaSets(pods: readonly KubeObject[]): Known[] {
  return rivals(pods.filter(isLivePod)).flat();
}

/** Uid of a workload, and the label by which pods of its newest version are known. */
function newestRevision(object: KubeObject): [string, { label: string; value: string }][] {
  const { generation, uid, annotations } = object.metadata;
  if (uid === undefined || numberAt(asJson(object), 'status', 'observedGeneration') !== generation) return [];
  const of = (label: string, value: string | undefined): ReturnType<typeof newestRevision> =>
    value === undefined ? [] : [[uid, { label, value }]];
  switch (object.kind) {
    case 'StatefulSet':
      return of('controller-revision-hash', textAt(asJson(object), 'status', 'updateRevision'));
    case 'DaemonSet':
      return of('pod-template-generation', annotations?.['deprecated.daemonset.template.generation']);
    default:
      return [];
  }
}

function replacedReplicaSets(
  pods: readonly KubeObject[],
  objects: readonly KubeObject[],
): ReadonlySet<string> {
  const numbers = new Map(objects.filter(({ kind }) => kind === 'ReplicaSet').map(revisionNumber));
  const replaced = rivals(pods).flatMap((ofOne) => {
    const known = ofOne.map(({ uid }) => numbers.get(uid));
    const newest = known.includes(undefined) ? undefined : Math.max(...known.map(Number));
    return ofOne.filter(({ uid }) => newest === undefined || numbers.get(uid) !== newest);
  });
  return new Set(replaced.map(({ uid }) => uid));
}

/** A Deployment numbers its ReplicaSets anew at each change, a rollback too. */
function revisionNumber({ metadata }: KubeObject): [string, number] {
  const { uid = '', annotations } = metadata;
  return [uid, Number(annotations?.['deployment.kubernetes.io/revision'] ?? 0)];
}

/** Of each Deployment that has pods of several ReplicaSets, those. */
function rivals(pods: readonly KubeObject[]): Known[][] {
  const byDeployment = new Map<string, Map<string, Known>>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const [kind, name, uid] = [textAt(owner, 'kind'), textAt(owner, 'name'), textAt(owner, 'uid')];
    const hash = pod.metadata.labels?.['pod-template-hash'];
    if (kind !== 'ReplicaSet' || name === undefined || uid === undefined || hash === undefined) continue;
    const { namespace = '' } = pod.metadata;
    const deployment = name.slice(0, -hash.length);
    const known = byDeployment.get(deployment) ?? new Map<string, Known>();
    byDeployment.set(deployment, known.set(uid, { apiVersion: 'apps/v1', kind, namespace, name, uid }));
  }
  return [...byDeployment.values()].filter(({ size }) => size > 1).map((known) => [...known.values()]);
}

function isLivePod({ apiVersion, kind, metadata }: KubeObject): boolean {
  return apiVersion === 'v1' && kind === 'Pod' && metadata.deletionTimestamp === undefined;
}

/** The owner that makes a pod anew when it goes. */
export function controllerOf(pod: KubeObject): JsonObject | undefined {
  return objectsAt(asJson(pod), 'metadata', 'ownerReferences').find((each) => each.controller === true);
}
