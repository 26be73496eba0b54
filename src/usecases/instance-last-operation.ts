import { ChandlerError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import { reactionToInstance } from '../domain/state-matrix.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { isLongGone, type LastOperation, lastOperation, operationOfToken } from './last-operation.ts';
import { obey } from './obey.ts';

export interface InstanceLastOperationRequest {
  instanceId: string;
  /** The token that an earlier answer carried. */
  operation?: string;
}

/**
 * How an instance's operation stands. Without a token, or with one that names no operation of this instance, it is the
 * latest. After a deprovision it says `succeeded` for a day, or 410 as the options want it.
 * @throws ChandlerError `InstanceNotFound`, `InstanceGone`
 */
export async function instanceLastOperation(
  deps: Pick<UsecaseDeps, 'store'>,
  caller: Caller,
  request: InstanceLastOperationRequest,
): Promise<LastOperation> {
  const { instanceId } = request;
  const instance = await deps.store.findInstanceOrTombstone({ platform: caller.platform, instanceId });
  if (instance === undefined) throw new ChandlerError('InstanceNotFound');
  const named = await operationOfToken(deps.store, request.operation);
  const operation =
    named !== undefined && (await isOf(deps, named, caller.platform, instanceId))
      ? named
      : await deps.store.latestInstanceOperation(instance.uid);
  if (operation === undefined) throw new ChandlerError('InstanceNotFound');
  // A poll for a create or update that was overtaken by the deletion must not get 410.
  if (operation.type === 'deprovision' && operation.state === 'succeeded') {
    // By the operation, not by the row: that was read before, maybe while the deletion was still under way.
    obey(reactionToInstance('deprovisioned', 'last operation', caller.options));
    if (isLongGone(operation)) throw new ChandlerError('InstanceGone');
  }
  return lastOperation(operation);
}

/** Compares ids, not rows: the token may be of an earlier life of an id that was used again. */
async function isOf(
  deps: Pick<UsecaseDeps, 'store'>,
  operation: Operation,
  platform: string,
  instanceId: string,
): Promise<boolean> {
  if (operation.bindingUid !== undefined || operation.type === 'repair') return false;
  const owner = await deps.store.findInstanceByUid(operation.instanceUid);
  return owner?.platform === platform && owner.instanceId === instanceId;
}
