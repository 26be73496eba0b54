import type { BindingKey } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import { conditionOfBinding, reactionToBinding } from '../domain/state-matrix.ts';
import type { JsonObject } from '../lib/json.ts';
import { type BindingContent, contentOf } from './binding-content.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { obey } from './obey.ts';

export interface FetchedBinding extends BindingContent {
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
  obey(reactionToBinding(conditionOfBinding(binding), 'fetch', caller.options));
  // An unbind that failed may be of a binding that was never made.
  if (binding?.credentials === undefined) throw new ChandlerError('BindingNotFound');
  return { ...contentOf(binding), parameters: binding.parameters };
}
