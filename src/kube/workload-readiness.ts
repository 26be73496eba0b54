/** The rules of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus) for the kinds that run pods. Called by readiness.ts. */
import type { JsonObject } from '../lib/json.ts';
import { numberAt, textAt } from './json-at.ts';
import { podTrouble } from './pod-trouble.ts';
import { condition, conditionText, current, failed, inProgress, type Readiness } from './readiness-result.ts';
import type { KubeObject } from './types.ts';

/**
 * Other than by kstatus, one that exceeded its progress deadline has not failed for good: it may come up yet, and says so
 * still after a rollback, until something comes of that. See find-troubles.ts.
 */
export function deploymentReadiness(object: JsonObject): Readiness {
  const unseen = unseenGeneration(object);
  if (unseen !== undefined) return unseen;
  const wanted = wantedReplicas(object);
  const have = (field: string) => numberAt(object, 'status', field) ?? 0;
  const updated = have('updatedReplicas');
  const refused = condition(object, 'ReplicaFailure');
  const count = (message: string) =>
    inProgress(refused?.status === 'True' ? conditionText(refused, message) : message);
  if (updated < wanted) return count(`${updated} of ${wanted} pods are updated`);
  if (have('replicas') > updated) return count(`${have('replicas') - updated} old pods still run`);
  if (have('availableReplicas') < wanted) {
    return count(`${have('availableReplicas')} of ${wanted} pods are available`);
  }
  if (have('readyReplicas') < wanted) return count(`${have('readyReplicas')} of ${wanted} pods are ready`);
  const available = condition(object, 'Available');
  if (available?.status === 'False') {
    return inProgress(conditionText(available, 'the Deployment is not available'));
  }
  return current(`${wanted} pods are ready`);
}

export function replicaSetReadiness(object: JsonObject): Readiness {
  const unseen = unseenGeneration(object);
  if (unseen !== undefined) return unseen;
  const refused = condition(object, 'ReplicaFailure');
  if (refused?.status === 'True') return inProgress(conditionText(refused, 'pods cannot be created'));
  const wanted = wantedReplicas(object);
  const have = (field: string) => numberAt(object, 'status', field) ?? 0;
  if (have('replicas') > wanted) return inProgress(`${have('replicas') - wanted} pods too many`);
  if (have('readyReplicas') < wanted) {
    return inProgress(`${have('readyReplicas')} of ${wanted} pods are ready`);
  }
  if (have('availableReplicas') < wanted) {
    return inProgress(`${have('availableReplicas')} of ${wanted} pods are available`);
  }
  return current(`${wanted} pods are ready`);
}

export function statefulSetReadiness(object: JsonObject): Readiness {
  const unseen = unseenGeneration(object);
  if (unseen !== undefined) return unseen;
  const wanted = wantedReplicas(object);
  const have = (field: string) => numberAt(object, 'status', field) ?? 0;
  if (have('replicas') > wanted) return inProgress(`${have('replicas') - wanted} pods too many`);
  if (have('readyReplicas') < wanted) {
    return inProgress(`${have('readyReplicas')} of ${wanted} pods are ready`);
  }
  // With OnDelete nobody but an admin moves pods to a new revision.
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete')
    return current(`${wanted} pods are ready`);
  const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0;
  const toUpdate = Math.max(0, wanted - partition);
  if (have('updatedReplicas') < toUpdate) {
    return inProgress(`${have('updatedReplicas')} of ${toUpdate} pods are updated`);
  }
  const revisions = ['currentRevision', 'updateRevision'].map((field) => textAt(object, 'status', field));
  if (partition === 0 && revisions[0] !== revisions[1]) return inProgress('the update is not finished');
  return current(`${wanted} pods are ready`);
}

export function daemonSetReadiness(object: JsonObject): Readiness {
  const unseen = unseenGeneration(object);
  if (unseen !== undefined) return unseen;
  const wanted = numberAt(object, 'status', 'desiredNumberScheduled');
  if (wanted === undefined) return inProgress('no pod is scheduled yet');
  for (const [field, word] of [
    ['currentNumberScheduled', 'scheduled'],
    ['updatedNumberScheduled', 'updated'],
    ['numberAvailable', 'available'],
    ['numberReady', 'ready'],
  ] as const) {
    const have = numberAt(object, 'status', field) ?? 0;
    if (have < wanted) return inProgress(`${have} of ${wanted} pods are ${word}`);
  }
  return current(`${wanted} pods are ready`);
}

/**
 * Other than kstatus a Job is current only when it is complete, for what we wait for is its work, and a pod that
 * crashes stays in progress: it may come up yet, for example once its database answers, and the deadline of the
 * operation decides.
 */
export function jobReadiness(object: JsonObject): Readiness {
  const ended = condition(object, 'Failed');
  if (ended?.status === 'True') return failed(conditionText(ended, 'the Job failed'));
  if (condition(object, 'Complete')?.status === 'True') return current('the Job is complete');
  if (condition(object, 'Suspended')?.status === 'True') return inProgress('the Job is suspended');
  return inProgress('the Job is not complete');
}

export function podReadiness(object: JsonObject, pod: KubeObject): Readiness {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Succeeded') return current('the pod is complete');
  if (phase === 'Failed') return failed(podTrouble(pod)?.sentence ?? 'the pod failed');
  if (phase === 'Running' && condition(object, 'Ready')?.status === 'True')
    return current('the pod is ready');
  return inProgress(podTrouble(pod)?.sentence ?? 'the pod is not ready');
}

/** Controllers of these kinds always write what generation they saw, so none at all means they have not looked. */
function unseenGeneration(object: JsonObject): Readiness | undefined {
  return numberAt(object, 'status', 'observedGeneration') === undefined
    ? inProgress('the controller has not looked at it yet')
    : undefined;
}

function wantedReplicas(object: JsonObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1;
}
