/** JSON in and out of CEL. Objects travel as Maps, so that a key such as `constructor` is only a key. */
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';

/** What a CEL expression reads: integers are BigInt (CEL `int`), objects are Maps. */
export type CelValue = string | number | bigint | boolean | null | CelValue[] | Map<string, CelValue>;

/** Thrown when an expression gives something JSON cannot hold, for example a timestamp. */
export class NotJson extends Error {
  override readonly name = 'NotJson';
}

/** Integers within the range that JavaScript holds exactly become CEL `int`; every other number is a `double`. */
export function toCel(value: JsonValue): CelValue {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map(toCel);
  if (isJsonObject(value)) return new Map(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
  return value;
}

/** @throws NotJson */
export function fromCel(value: unknown): JsonValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'object') return fromCelObject(value);
  if (typeof value === 'bigint') {
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw new NotJson('an integer beyond 2^53');
  }
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new NotJson(`a ${typeof value} that JSON cannot hold`);
}

function fromCelObject(value: object | null): JsonValue {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map) return objectOf([...value.entries()]);
  if (Object.getPrototypeOf(value) === Object.prototype) return objectOf(Object.entries(value));
  throw new NotJson('a value that is not JSON; use string() or int()');
}

function objectOf(entries: [unknown, unknown][]): JsonObject {
  return Object.fromEntries(
    entries.map(([key, item]) => {
      if (typeof key !== 'string') throw new NotJson('a map with a key that is not a string');
      return [key, fromCel(item)];
    }),
  );
}
