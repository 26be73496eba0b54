/** From the objects of an instance, and the Events about them, to what keeps them from becoming ready. Pure. */
import { isCustomKind } from '../lib/custom-kind.ts';
import type { JsonObject } from '../lib/json.ts';
import { asJson, objectsAt, textAt } from './json-at.ts';
import { podTrouble } from './pod-trouble.ts';
import { condition } from './readiness-result.ts';
import { sentence, type Trouble, troubleCauses } from './trouble.ts';
import type { KubeObject } from './types.ts';

const claimFailures = new Set(['ProvisioningFailed', 'FailedBinding']);
const mountFailures = new Set(['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox']);
/** Words of operators for what they do not get over; a condition that is merely not true yet has other ones. */
const failureWords =
  /fail|error|invalid|denied|refused|forbidden|reject|unsupported|not_?found|misconfigur|unable|cannot/i;
/** Conditions that are bad when they are true. */
const badWhenTrue = new Set(['ACK.Terminal', 'Failed', 'Error', 'Degraded']);

/**
 * All that is wrong, what may have caused the rest first.
 * @param objects of the instance, as far as it is not ready
 * @param events of its namespace, in any order; without them nothing is told that only Events tell
 */
export function findTroubles(objects: readonly KubeObject[], events: readonly KubeObject[] = []): Trouble[] {
  const live = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const newest = newestByObject(events);
  const found = [
    ...live.flatMap((object) => troubleOf(object, newest.get(referenceKey(object)) ?? []) ?? []),
    ...refusedCreations(newest),
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
  const refused = condition(asJson(object), 'ReplicaFailure');
  if (refused?.status === 'True') return refusal(nameOf(object), textAt(refused, 'message') ?? '');
  return isCustomKind(object.apiVersion) ? conditionTrouble(object) : undefined;
}

/** Only while nothing of the pod runs: the Event may be an hour old. */
function mountTrouble(pod: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  const states = [
    ...objectsAt(asJson(pod), 'status', 'initContainerStatuses'),
    ...objectsAt(asJson(pod), 'status', 'containerStatuses'),
  ].map((status) => textAt(status, 'state', 'waiting', 'reason'));
  if (!states.some((reason) => reason === 'ContainerCreating' || reason === 'PodInitializing'))
    return undefined;
  const failure = events.find((event) => mountFailures.has(textAt(event, 'reason') ?? ''));
  if (failure === undefined) return undefined;
  return {
    ...{ cause: 'VolumeNotMounted', object: nameOf(pod), subject: pod.metadata.name },
    sentence: sentence(`${nameOf(pod)} cannot be started`, textAt(failure, 'message')),
  };
}

function claimTrouble(claim: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  if (textAt(asJson(claim), 'status', 'phase') === 'Bound') return undefined;
  const failure = events.find((event) => claimFailures.has(textAt(event, 'reason') ?? ''));
  if (failure === undefined) return undefined;
  return {
    ...{ cause: 'ClaimPending', object: nameOf(claim), subject: claim.metadata.name },
    sentence: sentence(`${nameOf(claim)} gets no volume`, textAt(failure, 'message')),
  };
}

/** Told by controllers that make pods and claims for others. They try again, and say so when they came through. */
function refusedCreations(newest: ReadonlyMap<string, readonly JsonObject[]>): Trouble[] {
  return [...newest.values()].flatMap((events) => {
    const lastOf = (reason: string) => events.find((event) => event.reason === reason);
    const failure = lastOf('FailedCreate');
    const success = lastOf('SuccessfulCreate');
    if (failure === undefined || (success !== undefined && timeOf(success) > timeOf(failure))) return [];
    return [refusal(involvedName(failure), textAt(failure, 'message') ?? '')];
  });
}

function refusal(object: string, message: string): Trouble {
  const quota = /exceeded quota: ([^,]+), (.*)/s.exec(message);
  if (quota !== null) {
    const [, name = '', numbers] = quota;
    return {
      ...{ cause: 'QuotaExceeded', object, subject: `${object} ${name}` },
      sentence: sentence(`${object} gets no pods: the quota ${name} of its namespace is exceeded`, numbers),
    };
  }
  // Before it stands what was to be made, in words that differ between controllers.
  const why = message.replace(/^.*? is forbidden: /s, '').replace(/^.* failed error: /s, '');
  return {
    ...{ cause: 'CreateRefused', object, subject: object },
    sentence: sentence(`${object} gets no pods: Kubernetes refuses them`, why),
  };
}

function conditionTrouble(object: KubeObject): Trouble | undefined {
  const failed = objectsAt(asJson(object), 'status', 'conditions').find((each) => {
    if (badWhenTrue.has(textAt(each, 'type') ?? '') && each.status === 'True') return true;
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

/** The Events about each object, newest first. */
function newestByObject(events: readonly KubeObject[]): Map<string, JsonObject[]> {
  const byObject = new Map<string, JsonObject[]>();
  for (const event of events.map(asJson).sort((one, other) => timeOf(other) - timeOf(one))) {
    const key = `${textAt(event, 'involvedObject', 'kind')} ${textAt(event, 'involvedObject', 'uid')}`;
    byObject.set(key, [...(byObject.get(key) ?? []), event]);
  }
  return byObject;
}

function timeOf(event: JsonObject): number {
  const times = [
    textAt(event, 'lastTimestamp'),
    textAt(event, 'series', 'lastObservedTime'),
    textAt(event, 'eventTime'),
    textAt(event, 'metadata', 'creationTimestamp'),
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter(Number.isFinite));
}

function referenceKey({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.uid}`;
}

function involvedName(event: JsonObject): string {
  return `${textAt(event, 'involvedObject', 'kind')} ${textAt(event, 'involvedObject', 'name')}`;
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

/** The newest Events about what is not well, one line each, for an admin. */
export function eventLines(events: readonly KubeObject[], most: number): string[] {
  return events
    .map(asJson)
    .filter((event) => event.type === 'Warning')
    .sort((one, other) => timeOf(other) - timeOf(one))
    .slice(0, most)
    .map(
      (event) =>
        `${involvedName(event)}: ${sentence(textAt(event, 'reason') ?? '', textAt(event, 'message'))}`,
    );
}
