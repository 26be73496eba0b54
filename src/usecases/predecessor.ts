import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { BindSpec } from '../domain/offering.ts';
import { conditionOfBinding, reactionToBinding } from '../domain/state-matrix.ts';
import type { StoreReader } from '../store/types.ts';
import type { Caller } from './caller.ts';
import { obey } from './obey.ts';

/**
 * The binding that a new one succeeds (OSBAPI "Service Binding Rotation"): of the same instance, in use, not expired.
 * @returns undefined for a bind that is no rotation
 * @throws ChandlerError `NotRotatable`, `PredecessorNotUsable`, `ConcurrencyError` while it is still being made
 */
export async function findPredecessor(
  store: StoreReader,
  {
    spec,
    instance,
    request,
    caller,
  }: {
    spec: BindSpec;
    instance: ServiceInstance;
    request: { predecessorBindingId?: string };
    caller: Caller;
  },
  now = Date.now(),
): Promise<ServiceBinding | undefined> {
  const bindingId = request.predecessorBindingId;
  if (bindingId === undefined) return undefined;
  if (!spec.rotatable) throw new ChandlerError('NotRotatable');
  const { platform, instanceId } = instance;
  const predecessor = await store.findBinding({ platform, instanceId, bindingId });
  obey(reactionToBinding(conditionOfBinding(predecessor), 'rotate', caller.options));
  if (predecessor === undefined) throw new ChandlerError('PredecessorNotUsable');
  if (predecessor.expiresAt !== undefined && predecessor.expiresAt.getTime() <= now) {
    throw new ChandlerError('PredecessorNotUsable', {
      sentence: `The credentials of the predecessor have expired. Make a new binding without predecessor_binding_id.`,
    });
  }
  return predecessor;
}
