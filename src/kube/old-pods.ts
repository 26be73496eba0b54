/** Pods of a version that their controller replaces: what is wrong with them is no reason why the new one does not come. */
import type { JsonObject } from '../lib/json.ts';
import { asJson, numberAt, objectsAt, textAt } from './json-at.ts';
import { condition } from './readiness-result.ts';
import type { KubeObject } from './types.ts';

type Judge = (pod: KubeObject, owner: JsonObject) => boolean;

/**
 * Of these objects the pods that are known to be of another version than the newest of their StatefulSet, DaemonSet or
 * Deployment, as far as its controller has seen its last change.
 */
export function oldPods(objects: readonly KubeObject[]): KubeObject[] {
  const pods = objects.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Pod');
  const judges = objects.flatMap((object) => judgeOf(object, pods) ?? []);
  return pods.filter((pod) => {
    const owner = controllerOf(pod);
    return owner !== undefined && judges.some((isOld) => isOld(pod, owner));
  });
}

function judgeOf(object: KubeObject, pods: readonly KubeObject[]): Judge | undefined {
  if (numberAt(asJson(object), 'status', 'observedGeneration') !== object.metadata.generation)
    return undefined;
  switch (object.kind) {
    case 'StatefulSet':
      return byLabel(object, 'controller-revision-hash', textAt(asJson(object), 'status', 'updateRevision'));
    case 'DaemonSet':
      return byLabel(
        object,
        'pod-template-generation',
        object.metadata.annotations?.['deprecated.daemonset.template.generation'],
      );
    case 'Deployment':
      return ofDeployment(object, pods);
    default:
      return undefined;
  }
}

function byLabel({ metadata }: KubeObject, label: string, newest: string | undefined): Judge | undefined {
  if (newest === undefined || metadata.uid === undefined) return undefined;
  return (pod, owner) => owner.uid === metadata.uid && pod.metadata.labels?.[label] !== newest;
}

/**
 * Nobody watches ReplicaSets, and a Deployment names its newest one only in a sentence. That one is older than a rollback
 * until something comes of it, so without a pod of the ReplicaSet it proves nothing.
 */
function ofDeployment(object: KubeObject, pods: readonly KubeObject[]): Judge | undefined {
  const message = textAt(condition(asJson(object), 'Progressing'), 'message') ?? '';
  const newest = /replica ?set "([^"]+)"/i.exec(message)?.[1];
  const hasPod = pods.some(
    (pod) => pod.metadata.deletionTimestamp === undefined && controllerOf(pod)?.name === newest,
  );
  if (newest === undefined || !hasPod) return undefined;
  return (pod, owner) => {
    const hash = pod.metadata.labels?.['pod-template-hash'];
    return owner.name === `${object.metadata.name}-${hash}` && owner.name !== newest;
  };
}

function controllerOf(pod: KubeObject): JsonObject | undefined {
  return objectsAt(asJson(pod), 'metadata', 'ownerReferences').find((each) => each.controller === true);
}
