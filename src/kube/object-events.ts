/** What Events say of objects, as far as they are kept: an hour, the same ones counted together, to the second. */
import type { JsonObject } from '../lib/json.ts';
import { asJson, textAt } from './json-at.ts';
import { sentence } from './trouble.ts';
import type { KubeObject } from './types.ts';

/** Their messages hold what a probe or a hook printed in a container, and that may be a password. */
const printed = new Set([
  ...['Unhealthy', 'ProbeWarning', 'ProbeError'],
  ...['FailedPostStartHook', 'FailedPreStopHook'],
]);

/**
 * The Events about each object by its uid, newest first: another object may have had its name.
 * @param events of a namespace, in any order
 */
export function eventsByObject(events: readonly KubeObject[]): ReadonlyMap<string, readonly JsonObject[]> {
  const byUid = new Map<string, JsonObject[]>();
  for (const event of newestFirst(events)) {
    const uid = textAt(event, 'involvedObject', 'uid');
    if (uid !== undefined) byUid.set(uid, [...(byUid.get(uid) ?? []), event]);
  }
  return byUid;
}

/** The newest of these reasons, and of those only the ones that fit. */
export function lastOf(
  events: readonly JsonObject[],
  reasons: ReadonlySet<string>,
  fits: (event: JsonObject) => boolean = () => true,
): JsonObject | undefined {
  return events.find((event) => reasons.has(textAt(event, 'reason') ?? '') && fits(event));
}

/** When it was last seen; 0 for none. */
export function timeOf(event: JsonObject | undefined): number {
  const times = [
    textAt(event, 'lastTimestamp'),
    textAt(event, 'series', 'lastObservedTime'),
    textAt(event, 'eventTime'),
    textAt(event, 'metadata', 'creationTimestamp'),
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter(Number.isFinite));
}

/** The newest Events about what is not well, one line each, for an admin. */
export function eventLines(events: readonly KubeObject[], most: number): string[] {
  return newestFirst(events)
    .filter((event) => event.type === 'Warning')
    .slice(0, most)
    .map((event) => {
      const reason = textAt(event, 'reason') ?? '';
      const message = printed.has(reason) ? undefined : textAt(event, 'message');
      return `${involvedName(event)}: ${sentence(reason, message)}`;
    });
}

function newestFirst(events: readonly KubeObject[]): JsonObject[] {
  return events.map(asJson).sort((one, other) => timeOf(other) - timeOf(one));
}

function involvedName(event: JsonObject): string {
  return `${textAt(event, 'involvedObject', 'kind')} ${textAt(event, 'involvedObject', 'name')}`;
}
