import type { BindingKey } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';

export interface FetchedBinding {
  credentials: Redacted<JsonObject>;
  parameters: JsonObject;
}

/**
 * A binding with its credentials (OSBAPI "Fetching a Service Binding"), the same each time it is asked for.
 * @throws ChandlerError `BindingNotFound` also while it is being made or deleted
 */
export async function fetchBinding(
  deps: Pick<UsecaseDeps, 'store'>,
  caller: Caller,
  { instanceId, bindingId }: Omit<BindingKey, 'platform'>,
): Promise<FetchedBinding> {
  const binding = await deps.store.findBinding({ platform: caller.platform, instanceId, bindingId });
  const readable = binding?.state === 'bound' || binding?.state === 'unbind failed';
  if (!readable || binding.credentials === undefined) throw new ChandlerError('BindingNotFound');
  return { credentials: binding.credentials, parameters: binding.parameters };
}
