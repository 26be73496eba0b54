import { ChandlerError } from '../domain/errors.ts';
import type { JsonValue } from '../lib/json.ts';

/** Far more than any schema needs, far less than a stack can bear. */
const deepestNesting = 64;
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * JSON text, of valid UTF-8 and bounded depth, to a value.
 * @throws ChandlerError `MalformedRequest` with a sentence that says what is wrong
 */
export function parseJson(bytes: Uint8Array): JsonValue {
  const text = decodeUtf8(bytes);
  assertShallow(text);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw malformed('The body is not valid JSON. Send one JSON object.');
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('The body is not valid UTF-8. Send JSON in UTF-8.');
  }
}

/** Counts brackets outside of strings, before anything recursive sees the text. */
function assertShallow(text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > deepestNesting) {
        throw malformed(`The body is nested deeper than ${deepestNesting} levels. Send a flatter one.`);
      }
    } else if (character === '}' || character === ']') depth -= 1;
  }
}

/**
 * Checks that a value is safe to store, compare and pass on: no prototype keys, no characters that Postgres or UTF-8
 * cannot hold, no numbers that JavaScript would change.
 * @throws ChandlerError `MalformedRequest` with a sentence that says what is wrong and where
 */
export function assertStorable(value: JsonValue, path: readonly (string | number)[] = []): void {
  if (typeof value === 'string') assertText(value, path);
  else if (typeof value === 'number') assertNumber(value, path);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) assertStorable(item, [...path, index]);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (forbiddenKeys.has(key)) {
        throw malformed(`${where(path)} holds a key named ${key}, which is not allowed. Rename it.`);
      }
      assertText(key, path);
      assertStorable(item, [...path, key]);
    }
  }
}

function assertText(text: string, path: readonly (string | number)[]): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw malformed(
      `${where(path)} holds a NUL character or half of a surrogate pair, which cannot be stored. Remove it.`,
    );
  }
}

function assertNumber(number: number, path: readonly (string | number)[]): void {
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) {
    throw malformed(`${where(path)} is a number too large to be kept exactly. Send it as a string.`);
  }
}

/** A path as people write it, short enough for a sentence. */
function where(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'The body';
  // Keys may hold anything, also what would rule the terminal of whoever reads the sentence.
  const text = path
    .map(String)
    .join('.')
    .replaceAll(/[^\x21-\x7e]/g, '?');
  return `The field ${text.length > 100 ? `${text.slice(0, 100)}...` : text}`;
}

function malformed(sentence: string): ChandlerError {
  return new ChandlerError('MalformedRequest', { sentence });
}
