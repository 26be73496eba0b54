import { parseQuantity } from '../catalog/quantity.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { UpdateAttributes } from '../domain/operation.ts';
import type { OsbOptions } from '../domain/osb-options.ts';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
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
 * @throws ChandlerError `InvalidParameters` when a schema forbids it, `UpdateNotSupported` when a value would shrink
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
  const changed = changedKeys(before, after);
  validateParameters(revision, 'update', pick(after, changed));
  assertRemovable(
    changed.filter((key) => after[key] === undefined),
    revision,
  );
  validateParameters(revision, 'provision', after);
  assertGrowth(
    { ...current.parameterDefaults, ...before },
    { ...revision.parameterDefaults, ...after },
    revision,
  );
  return after;
}

/** RFC 7396 at the first level: null takes a parameter back to its default. */
function laidOver(before: JsonObject, changes: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null));
}

function changedKeys(before: JsonObject, after: JsonObject): string[] {
  const text = (value: JsonValue | undefined) => (value === undefined ? undefined : canonicalJson(value));
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => text(before[key]) !== text(after[key]),
  );
}

function pick(values: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]] as const])),
  );
}

/** A parameter that may not change may not go back to its default either. */
function assertRemovable(keys: readonly string[], { schemas, parameterDefaults }: PlanRevision): void {
  const stuck = keys.find((key) => hasProperty(schemas.provision, key) && !hasProperty(schemas.update, key));
  if (stuck === undefined) return;
  const fallback = parameterDefaults[stuck];
  throw new ChandlerError('InvalidParameters', {
    sentence: `The parameter \`${stuck}\` cannot be changed after the instance was made; leaving it out would set it ${
      fallback === undefined ? 'to nothing' : `back to ${JSON.stringify(fallback)}`
    }. Send it as it is.`,
  });
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
