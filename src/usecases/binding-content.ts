import type { BindingAttachments, ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

/** What a platform gets of a binding that is made. */
export interface BindingContent {
  credentials: Redacted<JsonObject>;
  attachments?: Redacted<BindingAttachments>;
  expiresAt?: Date;
  renewBefore?: Date;
}

/** @throws ChandlerError `Internal` for a binding without credentials: a bound one always has them */
export function contentOf(binding: ServiceBinding | undefined): BindingContent {
  if (binding?.credentials === undefined) {
    throw new ChandlerError('Internal', { cause: new Error('a bound binding has no credentials') });
  }
  const { credentials, attachments, expiresAt, renewBefore } = binding;
  return {
    credentials,
    ...(attachments === undefined ? {} : { attachments }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(renewBefore === undefined ? {} : { renewBefore }),
  };
}
