import { ChandlerError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import {
  conditionOfBinding,
  conditionOfInstance,
  reactionToBinding,
  reactionToInstance,
} from '../domain/state-matrix.ts';
import { operationFields } from '../telemetry/events.ts';
import { type Caller, type ChangeRequest, originOf } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { obey } from './obey.ts';
import { assertPlanOfInstance, type PlanIds, requireIds, revisionForDelete } from './resolve-plan.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';

export interface UnbindRequest extends ChangeRequest, PlanIds {
  instanceId: string;
  bindingId: string;
}

export type UnbindOutcome = { kind: 'deleted' } | { kind: 'accepted'; operationUid: string };

interface Promised {
  operation: Operation;
  quick: boolean;
  own: boolean;
  cancelled?: Operation;
}

/**
 * Promises that a binding goes (OSBAPI "Unbinding"), also while it is still being made. While its instance is being
 * deprovisioned, that operation removes it, and this one is refused.
 * @throws ChandlerError `AsyncRequired`, `BindingGone`, `MalformedRequest`, in this order (the options may want the
 * last before the second), then `ConcurrencyError`, or the operation's own error
 */
export async function unbind(
  deps: UsecaseDeps,
  caller: Caller,
  request: UnbindRequest,
): Promise<UnbindOutcome> {
  const { platform, options } = caller;
  const { instanceId, bindingId } = request;
  const promised = await transactAgain(deps.store, request, async (transaction): Promise<Promised> => {
    const instance = await transaction.lockInstance({ platform, instanceId });
    const revision = await revisionForDelete(deps, transaction, instance, request);
    const quick = revision?.sync.unbind ?? false;
    if (revision !== undefined && !quick && !request.acceptsIncomplete) {
      throw new ChandlerError('AsyncRequired');
    }
    if (options.unbindUnknown === 'ids-first') requireIds(request);
    // The instance's lock keeps other requests away; the worker only ever moves a binding together with its operation.
    const existing = await transaction.findBinding({ platform, instanceId, bindingId });
    if (instance === undefined || revision === undefined || existing === undefined) {
      throw new ChandlerError('BindingGone');
    }
    const ids = requireIds(request);
    if (options.deleteWithOtherPlan === 'refuse') {
      await assertPlanOfInstance(transaction, instance, ids, existing);
    }
    obey(reactionToInstance(conditionOfInstance(instance), 'unbind', options));
    const does = obey(reactionToBinding(conditionOfBinding(existing), 'unbind', options));

    const active = await transaction.activeBindingOperation(existing.uid);
    if (does === 'join' && active !== undefined) return { operation: active, quick, own: false };
    if (active !== undefined) {
      await transaction.cancelOperation(active.uid, 'Cancelled: the service binding is being deleted.');
    }
    await transaction.setBindingState(existing.uid, 'unbinding');
    const operation = await transaction.enqueueOperation({
      type: 'unbind',
      instanceUid: instance.uid,
      bindingUid: existing.uid,
      timeoutSeconds: revision.timeouts.unbind,
      description: 'The service binding is about to be deleted.',
      ...originOf(request),
    });
    return { operation, quick, own: true, ...(active === undefined ? {} : { cancelled: active }) };
  });

  const { operation, quick, own, cancelled } = promised;
  if (cancelled !== undefined) {
    deps.events.operationCancelled({ ...operationFields(cancelled), reason: 'unbind' });
  }
  const settled = await settle(deps, request, { verb: 'unbind', operation, quick, own });
  return settled === 'succeeded' ? { kind: 'deleted' } : { kind: 'accepted', operationUid: operation.uid };
}
