/** What keeps two who settle the same, or an admin and an operation, out of each other's way. */
import type { ServiceInstance } from '../../domain/instance.ts';
import { type Store, type StoreTransaction, UniqueConflict } from '../../store/types.ts';
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
