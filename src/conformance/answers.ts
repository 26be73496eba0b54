/** What an answer says, however odd it is. */
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { Answer } from './wire/exchange.ts';

interface Told {
  answer: Pick<Answer, 'status' | 'json'>;
}

/** The body; empty when it is no JSON object. */
export function bodyOf({ answer: { json } }: Told): JsonObject {
  return isObject(json) ? json : {};
}

/** A field of the body. */
export function fieldOf(told: Told, name: string): JsonValue | undefined {
  return bodyOf(told)[name];
}

/** Any 2xx. */
export function isSuccess({ answer: { status } }: Told): boolean {
  return status >= 200 && status < 300;
}

/** Any 4xx. */
export function isRefusal({ answer: { status } }: Told): boolean {
  return status >= 400 && status < 500;
}
