import type { KubeObject } from '../kube/types.ts';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';

/** What the API server writes by itself. */
const bookkeeping = new Set([
  ...['uid', 'resourceVersion', 'generation', 'managedFields', 'selfLink'],
  ...['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'],
]);

/**
 * Pure: where an object differs from what an apply would make of it, as paths for people. A path holds names that the
 * wanted object has, and never a value; of what somebody added within something that is ours it says where, not what.
 * @param wanted the answer to a dry run, so that it has the defaults, and the fields of others, that the live one has
 */
export function differingPaths(live: KubeObject, wanted: KubeObject): string[] {
  return walk(reduced(live), reduced(wanted), '');
}

function reduced({ status: _status, metadata, ...rest }: KubeObject): JsonObject {
  const kept = Object.entries(metadata).filter(([key]) => !bookkeeping.has(key));
  return { ...rest, metadata: Object.fromEntries(kept) } as JsonObject;
}

function walk(live: JsonValue, wanted: JsonValue, path: string): string[] {
  if (isJsonObject(live) && isJsonObject(wanted)) {
    const tooMuch = Object.keys(live).some((key) => !Object.hasOwn(wanted, key));
    const within = Object.keys(wanted)
      .sort()
      .flatMap((key) => {
        const value = wanted[key] ?? null;
        const found = Object.hasOwn(live, key) ? live[key] : undefined;
        return found === undefined ? [joined(path, key)] : walk(found, value, joined(path, key));
      });
    return tooMuch ? [path === '' ? 'the object itself' : path, ...within] : within;
  }
  if (Array.isArray(live) && Array.isArray(wanted) && live.length === wanted.length) {
    return wanted.flatMap((value, index) => walk(live[index] ?? null, value, `${path}[${index}]`));
  }
  return canonicalJson(live) === canonicalJson(wanted) ? [] : [path];
}

/** A key after a path; one that is no plain word in brackets and quotes. */
export function joined(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
