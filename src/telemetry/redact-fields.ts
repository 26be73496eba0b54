import { Redacted } from '../lib/redacted.ts';

/**
 * The second net under `Redacted`: whatever reaches the logger is walked once, and values under keys that usually hold
 * a credential, and passwords inside URIs, are replaced. The first net is that credentials never get this far.
 */

const redactedText = '[redacted]';
const secretKey =
  /(password|passwd|pwd|secret|secrets|credentials?|authorization|cookie|uri|dsn|token|privatekey|databaseurl|connectionstring|jdbcurl)$/;
const deepest = 8;

function isSecretKey(key: string): boolean {
  return secretKey.test(key.toLowerCase().replaceAll(/[^a-z]/g, ''));
}

/** Replaces the user part of every URI in a text, for example in the message of a failed connection. */
export function redactText(text: string): string {
  return text.replaceAll(/:\/\/[^\s/@]+@/g, `://${redactedText}@`);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Redacted) return redactedText;
  if (value instanceof Date) return value;
  if (value instanceof Error) return describeCause(value, depth);
  if (depth >= deepest) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return redactFields(value, depth + 1);
}

/** A copy of the fields of one log line in which nothing secret is left. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      isSecretKey(key) ? redactedText : redactValue(value, depth),
    ]),
  );
}

/**
 * What may be logged of something thrown: name, message, code, stack and the chain of causes. Other fields of errors
 * are left out on purpose: drivers and HTTP clients hang whole queries, requests and configurations on them.
 */
export function describeCause(thrown: unknown, depth = 0): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { message: redactText(String(thrown)) };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return {
    name: thrown.name,
    message: redactText(thrown.message),
    ...(code === undefined ? {} : { code }),
    ...(thrown.stack === undefined ? {} : { stack: redactText(thrown.stack) }),
    ...(thrown.cause === undefined || depth >= deepest
      ? {}
      : { cause: describeCause(thrown.cause, depth + 1) }),
  };
}
