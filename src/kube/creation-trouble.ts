/** What Kubernetes does not let controllers make. They try again, and say so when they came through. */
import type { JsonObject } from '../lib/json.ts';
import { asJson, textAt } from './json-at.ts';
import { eventsByObject, lastOf, timeOf } from './object-events.ts';
import { condition } from './readiness-result.ts';
import { sentence, type Trouble } from './trouble.ts';
import type { KubeObject, ObjectReference } from './types.ts';

const failures = new Set(['FailedCreate']);
const successes = new Set(['SuccessfulCreate']);
/** Their condition says how it is now; their Events only how it was once. */
const tellingByCondition = new Set(['Deployment', 'ReplicaSet', 'ReplicationController']);

/** Why an object gets no pods, or other things that it has to make. */
export function creationTrouble(object: KubeObject, events: readonly JsonObject[]): Trouble | undefined {
  const name = `${object.kind} ${object.metadata.name}`;
  const failed = condition(asJson(object), 'ReplicaFailure');
  if (failed?.status === 'True') return refusal(name, textAt(failed, 'message') ?? '');
  if (tellingByCondition.has(object.kind)) return undefined;
  const event = lastingFailure(events);
  return event && refusal(name, textAt(event, 'message') ?? '');
}

/** Whom the API server lets make nothing, as far as Events tell; who it was may be gone. */
export function refusedMakers(events: readonly KubeObject[]): (ObjectReference & { uid: string })[] {
  return [...eventsByObject(events).values()].flatMap((ofOne) => {
    const involved = lastingFailure(ofOne)?.involvedObject;
    const [apiVersion, kind, namespace, name, uid] = ['apiVersion', 'kind', 'namespace', 'name', 'uid'].map(
      (key) => textAt(involved, key),
    );
    if (apiVersion === undefined || kind === undefined || name === undefined || uid === undefined) return [];
    return [{ apiVersion, kind, name, uid, ...(namespace === undefined ? {} : { namespace }) }];
  });
}

/** Within the same second a success counts, of a pod: a claim comes before its pod, which may be refused. */
function lastingFailure(events: readonly JsonObject[]): JsonObject | undefined {
  const failure = lastOf(events, failures);
  const success = lastOf(
    events,
    successes,
    (event) => !/^create Claim /.test(textAt(event, 'message') ?? ''),
  );
  return success !== undefined && timeOf(success) >= timeOf(failure) ? undefined : failure;
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
