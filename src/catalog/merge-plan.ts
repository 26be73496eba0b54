import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { inheritedKeys } from './offering-file.ts';

/**
 * What a plan comes to: the offering's definition with the plan laid over it. Maps are merged at every level, resources
 * by their id, other lists are replaced, and null removes (as in RFC 7396).
 */
export function mergePlan(offering: JsonObject, plan: JsonObject): JsonObject {
  const inherited = Object.fromEntries(
    inheritedKeys.flatMap((key) => (offering[key] === undefined ? [] : [[key, offering[key]] as const])),
  );
  const { resources, ...rest } = plan;
  const merged = mergeMaps(inherited, rest);
  if (resources === undefined) return merged;
  return { ...merged, resources: mergeResources(offering.resources, resources) };
}

function mergeResources(under: JsonValue | undefined, over: JsonValue): JsonValue {
  if (!Array.isArray(under) || !Array.isArray(over)) return over;
  const idOf = (item: JsonValue): JsonValue | undefined => (isJsonObject(item) ? item.id : undefined);
  const merged = under.map((item) => {
    const change = over.find((candidate) => idOf(candidate) !== undefined && idOf(candidate) === idOf(item));
    return isJsonObject(item) && isJsonObject(change) ? mergeMaps(item, change) : item;
  });
  const known = new Set(under.map(idOf));
  return [...merged, ...over.filter((item) => !known.has(idOf(item)))];
}

/** Lays one map over another: maps at every level, everything else replaced, null removes. */
export function mergeMaps(under: JsonObject, over: JsonObject): JsonObject {
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isJsonObject(below) && isJsonObject(value) ? mergeMaps(below, value) : value);
  }
  return Object.fromEntries(merged);
}
