import type { BindingState } from '../domain/binding.ts';
import type { InstanceState } from '../domain/instance.ts';
import type { Operation } from '../domain/operation.ts';
import type { StoreTransaction } from '../store/types.ts';

const instanceStates = {
  provision: 'provision failed',
  update: 'update failed',
  deprovision: 'deprovision failed',
} as const satisfies Partial<Record<Operation['type'], InstanceState>>;

const bindingStates = {
  bind: 'bind failed',
  unbind: 'unbind failed',
} as const satisfies Partial<Record<Operation['type'], BindingState>>;

/**
 * Cancels an operation that nothing follows at once, and leaves its instance or binding in the failed state that
 * belongs to it, so that no row says "in progress" without an operation that works on it.
 */
export async function abandonOperation(
  transaction: StoreTransaction,
  operation: Operation,
  description: string,
): Promise<void> {
  await transaction.cancelOperation(operation.uid, description);
  switch (operation.type) {
    case 'provision':
    case 'update':
    case 'deprovision':
      await transaction.setInstanceState(operation.instanceUid, instanceStates[operation.type]);
      break;
    case 'bind':
    case 'unbind':
      if (operation.bindingUid !== undefined) {
        await transaction.setBindingState(operation.bindingUid, bindingStates[operation.type]);
      }
      break;
  }
}
