/** How a settlement begins: what keeps two who settle the same, or an admin and an operation, apart, and the operation. */
import type { ServiceInstance } from '../../domain/instance.ts';
import type { Operation } from '../../domain/operation.ts';
import { type NewOperation, type Store, type StoreTransaction, UniqueConflict } from '../../store/types.ts';
import { OrphanRefused } from './orphan-refused.ts';

/** Of two who settle the same at once, one wins. */
export async function first<T>(
  store: Store,
  work: (transaction: StoreTransaction) => Promise<T>,
): Promise<T> {
  try {
    return await store.transact(work);
  } catch (thrown) {
    if (!(thrown instanceof UniqueConflict)) throw thrown;
    throw new OrphanRefused(
      `Somebody else was first (${thrown.constraint}): another admin, or a request of the platform. Look again.`,
      { cause: thrown },
    );
  }
}

/** @throws OrphanRefused when the instance is gone, or an operation is at work on it or its bindings */
export async function lockIdleInstance(transaction: StoreTransaction, uid: string): Promise<ServiceInstance> {
  const instance = await transaction.lockInstanceByUid(uid);
  if (instance === undefined || instance.state === 'deprovisioned') {
    throw new OrphanRefused('The instance is gone by now. Look again.');
  }
  const active =
    (await transaction.activeInstanceOperation(uid)) ?? (await transaction.activeBindingOperations(uid))[0];
  if (active === undefined) return instance;
  throw new OrphanRefused(
    `A ${active.type} is in progress on the instance ${instance.platform}/${instance.instanceId}: "${active.description}". Wait for it, then look again.`,
  );
}

/** Seconds, where the plan revision of an instance does not say. */
const usualTimeouts = { provision: 600, deprovision: 600, bind: 60, unbind: 60 };

/** An ordinary operation, with the time that the plan revision of its instance gives it. */
export async function enqueueByPlan(
  transaction: StoreTransaction,
  { uid: instanceUid, planRevision, state }: Pick<ServiceInstance, 'uid' | 'planRevision' | 'state'>,
  operation: Pick<NewOperation, 'bindingUid' | 'adopts' | 'description'> & {
    type: keyof typeof usualTimeouts;
  },
): Promise<Operation> {
  const timeouts = (await transaction.findRevision(planRevision))?.timeouts;
  // A bind waits for the provision under way, and its time must not run out meanwhile.
  const wait = operation.type === 'bind' && state === 'provisioning' ? (timeouts?.provision ?? 0) : 0;
  return transaction.enqueueOperation({
    ...operation,
    instanceUid,
    timeoutSeconds: (timeouts ?? usualTimeouts)[operation.type] + wait,
  });
}
