import { ChandlerError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import { reactionToBinding } from '../domain/state-matrix.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { isLongGone, type LastOperation, lastOperation, operationOfToken } from './last-operation.ts';
import { obey } from './obey.ts';

export interface BindingLastOperationRequest {
  instanceId: string;
  bindingId: string;
  /** The token that an earlier answer carried. */
  operation?: string;
}

/**
 * How a binding's operation stands; see `instanceLastOperation`.
 * @throws ChandlerError `BindingNotFound`, `BindingGone`
 */
export async function bindingLastOperation(
  deps: Pick<UsecaseDeps, 'store'>,
  caller: Caller,
  request: BindingLastOperationRequest,
): Promise<LastOperation> {
  const { instanceId, bindingId } = request;
  const key = { platform: caller.platform, instanceId, bindingId };
  const binding = await deps.store.findBindingOrTombstone(key);
  if (binding === undefined) throw new ChandlerError('BindingNotFound');
  const named = await operationOfToken(deps.store, request.operation);
  const operation =
    named !== undefined && (await isOf(deps, named, key))
      ? named
      : await deps.store.latestBindingOperation(binding.uid);
  if (operation === undefined) throw new ChandlerError('BindingNotFound');
  if (binding.state === 'unbound' && named === undefined && isMade(operation)) {
    obey(reactionToBinding('unbound', 'last operation', caller.options));
    // No unbind of its own: the deprovision of its instance unbound it.
    return { state: 'succeeded', description: 'The service binding is gone.' };
  }
  if (operation.type === 'unbind' && operation.state === 'succeeded') {
    // By the operation, not by the row: that was read before, maybe while the deletion was still under way.
    obey(reactionToBinding('unbound', 'last operation', caller.options));
    if (isLongGone(operation)) throw new ChandlerError('BindingGone');
  }
  return lastOperation(operation);
}

function isMade({ type, state }: Operation): boolean {
  return type === 'bind' && state === 'succeeded';
}

/** Compares ids, not rows: the token may be of an earlier life of an id that was used again. */
async function isOf(
  deps: Pick<UsecaseDeps, 'store'>,
  operation: Operation,
  key: { platform: string; instanceId: string; bindingId: string },
): Promise<boolean> {
  if (operation.bindingUid === undefined) return false;
  const owner = await deps.store.findBindingByUid(operation.bindingUid);
  return (
    owner?.platform === key.platform &&
    owner.instanceId === key.instanceId &&
    owner.bindingId === key.bindingId
  );
}
