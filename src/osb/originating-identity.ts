import { ChandlerError } from '../domain/errors.ts';
import type { OsbOptions } from '../domain/osb-options.ts';
import { isJsonObject } from '../lib/json.ts';
import type { OriginatingIdentity } from '../usecases/caller.ts';
import { assertStorable, parseJson } from './parse-json.ts';

/**
 * Decodes X-Broker-API-Originating-Identity: a platform, a space and a base64 JSON object. A malformed one is refused
 * unless the options let it pass, because it would leave a hole in the audit trail; which keys the object has is the
 * platform's business.
 * @throws ChandlerError `MalformedRequest`
 */
export function parseOriginatingIdentity(
  header: string | undefined,
  { malformedOriginatingIdentity }: Pick<OsbOptions, 'malformedOriginatingIdentity'>,
): OriginatingIdentity | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const [, platform, encoded] = /^([\x21-\x7e]{1,100}) +([A-Za-z0-9+/_-]+={0,2})$/.exec(header.trim()) ?? [];
  const value = encoded === undefined ? undefined : decode(encoded);
  if (platform === undefined || !isJsonObject(value)) {
    if (malformedOriginatingIdentity === 'ignore') return undefined;
    throw new ChandlerError('MalformedRequest', {
      sentence:
        'The header X-Broker-API-Originating-Identity is malformed. Send the platform, a space, and a JSON object in base64; or leave the header out.',
    });
  }
  return { platform, value };
}

function decode(encoded: string) {
  try {
    const value = parseJson(Buffer.from(encoded, 'base64'));
    assertStorable(value);
    return value;
  } catch {
    return undefined;
  }
}
