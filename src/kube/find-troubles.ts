/** From the objects of an instance, and the Events about them, to what keeps them from becoming ready. Pure. */
import { isCustomKind } from '../lib/custom-kind.ts';
import type { JsonObject } from '../lib/json.ts';
import { creationTrouble } from './creation-trouble.ts';
import { asJson, numberAt, objectsAt, textAt } from './json-at.ts';
import { eventsByObject, lastOf, timeOf } from './object-events.ts';
import { oldPods } from './old-pods.ts';
import { podTrouble } from './pod-trouble.ts';
import { condition } from './readiness-result.ts';
import { sentence, type Trouble, troubleCauses } from './trouble.ts';
import type { KubeObject } from './types.ts';
import { deploymentReadiness } from './workload-readiness.ts';

const claimFailures = new Set(['ProvisioningFailed', 'FailedBinding']);
const claimTries = new Set(['Provisioning']);
const claimSuccesses = new Set(['ProvisioningSucceeded']);
const mountFailures = new Set(['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox']);
const attachSuccesses = new Set(['SuccessfulAttachVolume']);
/** Of containers: they come only once all volumes are mounted. */
const mountSuccesses = new Set(['Pulling', 'Pulled', 'Created', 'Started']);
/** Words of operators for what they do not get over; a condition that is merely not true yet has other ones. */
const failureWords =
  /fail|error|invalid|denied|refused|forbidden|reject|unsupported|not_?found|misconfigur|unable|cannot/i;
/** Conditions that are bad when they are true, and say nothing bad otherwise, whatever their reason (`NoErrors`). */
const badWhenTrue = /^ACK\.Terminal$|(Degraded|Stalled|Failed|Failing|Failure|Errors?|Pressure)$/;

/**
 * All that is wrong, what may have caused the rest first.
 * @param objects of the instance, as far as it is not ready
 * @param events of its namespace, in any order; without them nothing is told that only Events tell
 */
export function findTroubles(objects: readonly KubeObject[], events: readonly KubeObject[] = []): Trouble[] {
  const old = new Set(oldPods(objects));
  const live = objects.filter(
    (object) => object.metadata.deletionTimestamp === undefined && !old.has(object),
  );
  const byObject = eventsByObject(events);
  const deployments = new Set(
    live.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.uid),
  );
  const found = [
    ...live
      .filter((object) => !isSpokenFor(object, deployments))
      .flatMap((object) => troubleOf(object, byObject.get(object.metadata.uid ?? '') ?? []) ?? []),
    ...silentOperators(live),
  ];
  const rank = ({ cause }: Trouble) => troubleCauses.indexOf(cause);
  return found.sort((one, other) => rank(one) - rank(other));
}

function troubleOf(object: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  if (object.kind === 'Pod' && object.apiVersion === 'v1')
    return podTrouble(object) ?? mountTrouble(object, events);
  if (object.kind === 'PersistentVolumeClaim' && object.apiVersion === 'v1')
    return claimTrouble(object, events);
  const refused = creationTrouble(object, events);
  if (refused !== undefined) return refused;
  if (object.kind === 'Deployment' && object.apiVersion === 'apps/v1') return progressTrouble(object);
  return isCustomKind(object.apiVersion) ? conditionTrouble(object) : undefined;
}

/** Its message would name a ReplicaSet, after a rollback the wrong one. */
function progressTrouble(deployment: KubeObject): Trouble | undefined {
  const json = asJson(deployment);
  const isSeen = numberAt(json, 'status', 'observedGeneration') === deployment.metadata.generation;
  const isLate = condition(json, 'Progressing')?.reason === 'ProgressDeadlineExceeded';
  if (!isSeen || !isLate || deploymentReadiness(json).status === 'current') return undefined;
  const seconds = numberAt(json, 'spec', 'progressDeadlineSeconds') ?? 600;
  return {
    ...{ cause: 'NotProgressing', object: nameOf(deployment), subject: nameOf(deployment) },
    sentence: `${nameOf(deployment)} made no progress for ${seconds} s (progressDeadlineSeconds).`,
  };
}

/** A Deployment says what its ReplicaSet cannot make, and not of those that are over. */
function isSpokenFor(object: KubeObject, deployments: ReadonlySet<string | undefined>): boolean {
  const owners = objectsAt(asJson(object), 'metadata', 'ownerReferences');
  return object.kind === 'ReplicaSet' && owners.some((owner) => deployments.has(textAt(owner, 'uid')));
}

/**
 * Only while nothing of the pod runs, and nothing came of it since: an image may be pulled for an hour after a volume that
 * was not there at first. A volume that was attached may fail to be mounted within the same second.
 */
function mountTrouble(pod: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  const states = [
    ...objectsAt(asJson(pod), 'status', 'initContainerStatuses'),
    ...objectsAt(asJson(pod), 'status', 'containerStatuses'),
  ].map((status) => textAt(status, 'state', 'waiting', 'reason'));
  if (!states.some((reason) => reason === 'ContainerCreating' || reason === 'PodInitializing'))
    return undefined;
  const failure = lastOf(events, mountFailures);
  const failedAt = timeOf(failure);
  const isOver =
    timeOf(lastOf(events, mountSuccesses)) >= failedAt || timeOf(lastOf(events, attachSuccesses)) > failedAt;
  if (failure === undefined || isOver) return undefined;
  return {
    ...{ cause: 'VolumeNotMounted', object: nameOf(pod), subject: pod.metadata.name },
    sentence: sentence(`${nameOf(pod)} cannot be started`, textAt(failure, 'message')),
  };
}

/** Provisioners say each time that they try, and often fail within the second. */
function claimTrouble(claim: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  if (textAt(asJson(claim), 'status', 'phase') === 'Bound') return undefined;
  const failure = lastOf(events, claimFailures);
  const failedAt = timeOf(failure);
  if (failure === undefined || timeOf(lastOf(events, claimSuccesses)) >= failedAt) return undefined;
  return {
    ...{ cause: 'ClaimPending', object: nameOf(claim), subject: claim.metadata.name },
    sentence: sentence(`${nameOf(claim)} gets no volume`, textAt(failure, 'message')),
    ...(timeOf(lastOf(events, claimTries)) > failedAt ? { retrying: true } : {}),
  };
}

function conditionTrouble(object: KubeObject): Trouble | undefined {
  const failed = objectsAt(asJson(object), 'status', 'conditions').find((each) => {
    if (badWhenTrue.test(textAt(each, 'type') ?? '')) return each.status === 'True';
    return each.status === 'False' && failureWords.test(textAt(each, 'reason') ?? '');
  });
  if (failed === undefined) return undefined;
  const [type, reason = ''] = [textAt(failed, 'type') ?? '', textAt(failed, 'reason')];
  return {
    ...{ cause: 'ConditionFailed', object: nameOf(object), subject: `${nameOf(object)} ${type} ${reason}` },
    sentence: sentence(
      `${nameOf(object)} is not made by its operator (${type}: ${reason || textAt(failed, 'status')})`,
      textAt(failed, 'message'),
    ),
  };
}

/**
 * An operator that is there writes a status or a finalizer before anything else. One word of any, or anything made for
 * one, and this is not told, for there are kinds that never have a status.
 */
function silentOperators(objects: readonly KubeObject[]): Trouble[] {
  const custom = objects.filter(({ apiVersion }) => isCustomKind(apiVersion));
  const isSilent = ({ status, metadata }: KubeObject) => status === undefined && !hasFinalizers(metadata);
  const runs = objects.some(({ kind }) => kind === 'Pod' || kind === 'PersistentVolumeClaim');
  if (runs || !custom.every(isSilent)) return [];
  return custom.map((object) => ({
    ...{ cause: 'OperatorSilent', object: nameOf(object), subject: nameOf(object) },
    sentence: `No operator has taken notice of ${nameOf(object)} (${object.apiVersion}): the one that makes this kind does not run, or does not look at this namespace.`,
  }));
}

function hasFinalizers({ finalizers }: KubeObject['metadata']): boolean {
  return Array.isArray(finalizers) && finalizers.length > 0;
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}
