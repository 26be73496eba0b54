import { KubeError, type KubeObject } from './types.ts';

/**
 * The same error without any value of the Secret that was being written: an API server may quote what it could not
 * accept.
 */
export function withoutSecretValues(error: unknown, object: KubeObject): unknown {
  if (!(error instanceof KubeError) || object.kind !== 'Secret') return error;
  let message = error.message;
  for (const value of secretValues(object)) message = message.replaceAll(value, '[redacted]');
  return new KubeError(error.status, error.reason, message);
}

/** Longest first, so that a value inside another one does not leave the rest of it behind. */
function secretValues(object: KubeObject): string[] {
  const written = [object.data, object.stringData].flatMap((part) =>
    typeof part === 'object' && part !== null ? Object.values(part).map(String) : [],
  );
  const decoded = written.map((value) => Buffer.from(value, 'base64').toString('utf8'));
  return [...written, ...decoded]
    .filter((value) => value.length >= 4)
    .sort((one, other) => other.length - one.length);
}
