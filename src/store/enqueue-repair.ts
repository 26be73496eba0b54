/** How repairs begin, for whoever may ask for one: sweeps by themselves, and tools for an admin. */
import type { Operation } from '../domain/operation.ts';
import type { Store } from './types.ts';

export interface RepairRequest {
  instanceUid: string;
  /** Volumes that are gone are made anew, without what they held. Without it the repair fails when one is gone. */
  withEmptyVolumes?: boolean;
}

export type RepairOutcome =
  | { kind: 'enqueued'; operation: Operation }
  /** `not ready`: only what was made and is not being changed can be brought back to what its row says. */
  | { kind: 'refused'; why: 'no such instance' | 'not ready' | 'operation in progress' };

/**
 * Promises to bring an instance's objects back to what its row and its plan revision say. The instance stays ready all
 * the while; an update or a deprovision that comes meanwhile takes the repair's place.
 * @throws ChandlerError `StoreUnavailable`
 */
export function enqueueRepair(
  store: Pick<Store, 'transact'>,
  { instanceUid, withEmptyVolumes = false }: RepairRequest,
): Promise<RepairOutcome> {
  return store.transact(async (transaction): Promise<RepairOutcome> => {
    const instance = await transaction.lockInstanceByUid(instanceUid);
    if (instance === undefined) return { kind: 'refused', why: 'no such instance' };
    if (instance.state !== 'ready') return { kind: 'refused', why: 'not ready' };
    const revision = await transaction.findRevision(instance.planRevision);
    const active =
      (await transaction.activeInstanceOperation(instanceUid)) ??
      (await transaction.activeBindingOperations(instanceUid))[0];
    if (active !== undefined || revision === undefined) {
      return { kind: 'refused', why: 'operation in progress' };
    }
    const operation = await transaction.enqueueOperation({
      type: 'repair',
      instanceUid,
      withEmptyVolumes,
      timeoutSeconds: revision.timeouts.update,
      description: 'The service instance is about to be repaired.',
    });
    return { kind: 'enqueued', operation };
  });
}
