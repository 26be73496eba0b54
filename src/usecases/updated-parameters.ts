import { brokenUpdateRule } from '../catalog/update-rules.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { UpdateAttributes } from '../domain/operation.ts';
import type { OsbOptions } from '../domain/osb-options.ts';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { parseQuantity } from '../lib/quantity.ts';
import type { UsecaseDeps } from './deps.ts';

interface ParameterUpdate {
  instance: ServiceInstance;
  /** What the instance was made by. */
  current: PlanRevision;
  /** What it shall become. */
  revision: PlanRevision;
  request: UpdateAttributes;
  options: OsbOptions;
}

/**
 * The parameters that an instance has after an update: as a user sends them, without defaults. Only what changes is
 * held against the update schema, because platforms that always send everything also send what may not change.
 * @throws ChandlerError `InvalidParameters` when a schema or a rule forbids it, `UpdateNotSupported` when a value would
 * shrink
 */
export function updatedParameters(
  { validateParameters }: Pick<UsecaseDeps, 'validateParameters'>,
  { instance, current, revision, request, options }: ParameterUpdate,
): JsonObject {
  const before = instance.parameters;
  const after =
    request.parameters === undefined
      ? before
      : options.updateParameters === 'replace'
        ? request.parameters
        : laidOver(before, request.parameters);
  const [from, to] = [
    { ...current.parameterDefaults, ...before },
    { ...revision.parameterDefaults, ...after },
  ];
  // What the new plan brings may be set now, whether or not it can be changed later.
  const changed = changedKeys(before, after, from, to).filter((key) => knows(current, key));
  validateParameters(revision, 'update', pick(after, changed));
  assertFixed(from, to, current, revision);
  validateParameters(revision, 'provision', after);
  assertGrowth(from, to, revision);
  const sentence = brokenUpdateRule(
    revision,
    { planName: current.planName, parameters: from },
    { planName: revision.planName, parameters: to },
  );
  if (sentence !== undefined) throw new ChandlerError('InvalidParameters', { sentence });
  return after;
}

/** RFC 7396 at the first level: null takes a parameter back to its default. */
function laidOver(before: JsonObject, changes: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null));
}

/** What is sent as it already is, by default too, is no change. */
function changedKeys(before: JsonObject, after: JsonObject, from: JsonObject, to: JsonObject): string[] {
  return Object.keys({ ...before, ...after }).filter(
    (key) => differ(before[key], after[key]) && differ(from[key], to[key]),
  );
}

function differ(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  const text = (value: JsonValue | undefined) => (value === undefined ? undefined : canonicalJson(value));
  return text(left) !== text(right);
}

function pick(values: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const])),
  );
}

/**
 * A parameter that may not change may not go back to its default either, nor come to that of another plan.
 * @throws ChandlerError `InvalidParameters`
 */
function assertFixed(
  from: JsonObject,
  to: JsonObject,
  current: PlanRevision,
  { schemas }: PlanRevision,
): void {
  const stuck = Object.keys({ ...from, ...to }).find(
    (key) =>
      differ(from[key], to[key]) &&
      knows(current, key) &&
      hasProperty(schemas.provision, key) &&
      !hasProperty(schemas.update, key),
  );
  if (stuck === undefined) return;
  const [is, would] = [from[stuck], to[stuck]].map((value) =>
    value === undefined ? 'nothing' : JSON.stringify(value),
  );
  throw new ChandlerError('InvalidParameters', {
    sentence: `The parameter \`${stuck}\` cannot be changed after the instance was made; leaving it out would set it from ${is} to ${would}. Send it as it is.`,
  });
}

function knows({ schemas }: PlanRevision, parameter: string): boolean {
  return hasProperty(schemas.provision, parameter);
}

function hasProperty({ properties }: JsonObject, name: string): boolean {
  return isJsonObject(properties) && Object.hasOwn(properties, name);
}

function assertGrowth(before: JsonObject, after: JsonObject, { updates }: PlanRevision): void {
  for (const name of updates.growOnly) {
    const from = amount(before[name]);
    const to = amount(after[name]);
    if (from === undefined || to === undefined || !shrinks(from, to)) continue;
    throw new ChandlerError('UpdateNotSupported', {
      sentence: `The parameter \`${name}\` can only grow: it would go from ${from} to ${to}. Send ${from} or more.`,
    });
  }
}

/** Only numbers and quantities can grow. */
function amount(value: JsonValue | undefined): number | string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

function shrinks(from: number | string, to: number | string): boolean {
  if (typeof from === 'number' && typeof to === 'number') return to < from;
  if (typeof from === 'number' || typeof to === 'number') return false;
  const [least, wanted] = [parseQuantity(from), parseQuantity(to)];
  return least !== undefined && wanted !== undefined && wanted < least;
}
