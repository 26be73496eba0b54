/** Reads objects whose shape is not certain: what is not as Kubernetes has it reads as absent. */
import { apiGroupOf } from '../../lib/api-group.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import type { Allowance, PolicyQuestion, Violation } from './types.ts';

export function valueAt(value: JsonValue | undefined, ...keys: string[]): JsonValue | undefined {
  let found = value;
  for (const key of keys) {
    found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found === null ? undefined : found;
}

/** Empty when there is no text. */
export function textAt(value: JsonValue | undefined, ...keys: string[]): string {
  const found = valueAt(value, ...keys);
  return typeof found === 'string' ? found : '';
}

export function objectsAt(value: JsonValue | undefined, ...keys: string[]): JsonObject[] {
  const found = valueAt(value, ...keys);
  return Array.isArray(found) ? found.filter(isJsonObject) : [];
}

export function textsAt(value: JsonValue | undefined, ...keys: string[]): string[] {
  const found = valueAt(value, ...keys);
  return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : [];
}

/** `group/Kind`, of the core group `Kind`. Versions of a kind are the same objects. */
export function kindOf(object: JsonObject): string {
  const [apiVersion, kind] = [textAt(object, 'apiVersion'), textAt(object, 'kind')];
  return apiVersion.includes('/') ? `${apiGroupOf(apiVersion)}/${kind}` : kind;
}

/** For sentences: a text that the chart chose, on one line and not too long. */
export function told(value: JsonValue | undefined): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}

/** One violation, unless the plan allows it by name. */
export function unlessAllowed(
  { policy }: PolicyQuestion,
  allowance: Allowance,
  says: readonly string[],
): Violation[] {
  if (policy.allow?.includes(allowance) === true) return [];
  return says.map((each) => ({ says: each, unless: `policy.allow: [${allowance}]` }));
}
