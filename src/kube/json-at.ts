import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { KubeObject } from './types.ts';

/** A Kubernetes object as the JSON it is. */
export function asJson(object: KubeObject): JsonObject {
  return object as JsonObject;
}

/** The value at a path of keys, or undefined where the path ends early. */
export function jsonAt(value: JsonValue | undefined, ...path: string[]): JsonValue | undefined {
  let current = value;
  for (const key of path) {
    if (!isJsonObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

export function textAt(value: JsonValue | undefined, ...path: string[]): string | undefined {
  const found = jsonAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: JsonValue | undefined, ...path: string[]): number | undefined {
  const found = jsonAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

/** The objects of the array at a path; nothing when there is no array. */
export function objectsAt(value: JsonValue | undefined, ...path: string[]): JsonObject[] {
  const found = jsonAt(value, ...path);
  return Array.isArray(found) ? found.filter(isJsonObject) : [];
}
