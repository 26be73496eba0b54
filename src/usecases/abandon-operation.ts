import { afterFailedBind } from '../domain/binding.ts';
import type { InstanceAftermath } from '../domain/errors.ts';
import type { InstanceState } from '../domain/instance.ts';
import type { Operation } from '../domain/operation.ts';
import type { StoreTransaction } from '../store/types.ts';

const instanceStates = {
  provision: 'provision failed',
  update: 'update failed',
  deprovision: 'deprovision failed',
} as const satisfies Partial<Record<Operation['type'], InstanceState>>;

/**
 * Cancels an operation that nothing follows at once, and leaves its instance or binding in the failed state that
 * belongs to it (a repair changes none), so that no row says "in progress" without an operation that works on it.
 * @returns how it leaves the instance, as its row tells; empty for operations that may not say it
 */
export async function abandonOperation(
  transaction: StoreTransaction,
  operation: Operation,
  description: string,
): Promise<InstanceAftermath> {
  const aftermath = await aftermathOfAbandoned(transaction, operation);
  await transaction.cancelOperation(operation.uid, description, aftermath);
  switch (operation.type) {
    case 'provision':
    case 'update':
    case 'deprovision':
      await transaction.setInstanceState(operation.instanceUid, instanceStates[operation.type]);
      break;
    case 'bind':
    case 'unbind':
      if (operation.bindingUid !== undefined) {
        const { type, bindingUid: uid } = operation;
        const state =
          type === 'bind' ? afterFailedBind(await transaction.findBindingByUid(uid)) : 'unbind failed';
        await transaction.setBindingState(uid, state);
      }
      break;
    case 'repair':
      break;
  }
  return aftermath;
}

/** A deprovision that began to remove things has noted it in the row; nobody looks at the instance once more. */
async function aftermathOfAbandoned(
  transaction: StoreTransaction,
  { type, instanceUid }: Operation,
): Promise<InstanceAftermath> {
  if (type !== 'update' && type !== 'deprovision') return {};
  const instance = await transaction.findInstanceByUid(instanceUid);
  return {
    ...(instance === undefined ? {} : { instanceUsable: instance.usable }),
    ...(type === 'update' ? { updateRepeatable: true } : {}),
  };
}
