import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { Operation } from '../domain/operation.ts';
import { conditionOfInstance, reactionToInstance } from '../domain/state-matrix.ts';
import type { StoreTransaction } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { abandonOperation } from './abandon-operation.ts';
import { type Caller, type ChangeRequest, originOf } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { obey } from './obey.ts';
import { assertPlanOfInstance, type PlanIds, requireIds, revisionForDelete } from './resolve-plan.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';

export interface DeprovisionRequest extends ChangeRequest, PlanIds {
  instanceId: string;
}

export type DeprovisionOutcome = { kind: 'deleted' } | { kind: 'accepted'; operationUid: string };

interface Promised {
  operation: Operation;
  quick: boolean;
  own: boolean;
  cancelled: Operation[];
}

const cancelReason = 'Cancelled: the service instance is being deleted.';

/**
 * Promises that an instance goes (OSBAPI "Deprovisioning"), at any moment of its life: it cancels a create or update
 * that still runs and whatever runs on the instance's bindings, and the worker removes what is left of them.
 * @throws ChandlerError `AsyncRequired`, `MalformedRequest`, `InstanceGone`, in this order, then what the state
 * forbids, or the operation's own error
 */
export async function deprovision(
  deps: UsecaseDeps,
  caller: Caller,
  request: DeprovisionRequest,
): Promise<DeprovisionOutcome> {
  const key = { platform: caller.platform, instanceId: request.instanceId };
  const { options } = caller;
  const promised = await transactAgain(deps.store, request, async (transaction): Promise<Promised> => {
    const existing = await transaction.lockInstance(key);
    const revision = await revisionForDelete(deps, transaction, existing, request);
    const quick = revision?.sync.deprovision ?? false;
    if (revision !== undefined && !quick && !request.acceptsIncomplete) {
      throw new ChandlerError('AsyncRequired');
    }
    const ids = requireIds(request);
    const does = obey(reactionToInstance(conditionOfInstance(existing), 'deprovision', options));
    if (existing === undefined || revision === undefined) throw new ChandlerError('InstanceGone');
    if (options.deleteWithOtherPlan === 'refuse') await assertPlanOfInstance(transaction, existing, ids);

    const active = await transaction.activeInstanceOperation(existing.uid);
    if (does === 'join' && active !== undefined) {
      return { operation: active, quick, own: false, cancelled: [] };
    }
    if (options.deprovisionWithBindings === 'refuse') {
      const bindings = await transaction.listBindings(existing.uid);
      if (bindings.length > 0) throw new ChandlerError('BindingsExist');
    }
    return enqueue(transaction, { existing, revision, active, request });
  });

  const { operation, quick, own, cancelled } = promised;
  for (const each of cancelled) {
    deps.events.operationCancelled({ ...operationFields(each), reason: 'deprovision' });
  }
  const settled = await settle(deps, request, { verb: 'deprovision', operation, quick, own });
  return settled === 'succeeded' ? { kind: 'deleted' } : { kind: 'accepted', operationUid: operation.uid };
}

async function enqueue(
  transaction: StoreTransaction,
  {
    existing,
    revision,
    active,
    request,
  }: {
    existing: ServiceInstance;
    revision: PlanRevision;
    active: Operation | undefined;
    request: DeprovisionRequest;
  },
): Promise<Promised> {
  const ofBindings = await transaction.activeBindingOperations(existing.uid);
  if (active !== undefined) await transaction.cancelOperation(active.uid, cancelReason);
  for (const operation of ofBindings) await abandonOperation(transaction, operation, cancelReason);

  await transaction.setInstanceState(existing.uid, 'deprovisioning');
  const operation = await transaction.enqueueOperation({
    type: 'deprovision',
    instanceUid: existing.uid,
    timeoutSeconds: revision.timeouts.deprovision,
    description: 'The service instance is about to be deleted.',
    ...originOf(request),
  });
  return {
    operation,
    quick: revision.sync.deprovision,
    own: true,
    cancelled: [...(active === undefined ? [] : [active]), ...ofBindings],
  };
}
