import { randomUUID } from 'node:crypto';
import type { BindingLeftover } from '../../store/sweep-types.ts';
import { revokeLogin, withdrawDelivery } from '../binding-view.ts';
import { viewInstanceByUid } from '../instance-view.ts';
import { keepLease, monotonicMs } from '../lease-keeper.ts';
import { settleSeconds } from './settle-seconds.ts';
import type { SweepContext } from './types.ts';

/**
 * Revokes the login of a binding that is over and withdraws what was delivered. Both may be gone, and may be done again.
 *
 * It is in nobody's way and nobody is in its way: for as long as it works it holds the binding, so that a bind which
 * tries a failed one again, an unbind, or an operation on the whole instance begins only afterwards.
 * @returns false when it was left alone, because it is no longer what it was or something is at work on it
 * @throws LeaseLost, ChandlerError of the server or the cluster: then it is for the next round
 */
export async function takeBack(leftover: BindingLeftover, context: SweepContext): Promise<boolean> {
  const { deps } = context;
  const { sweeps } = deps.store;
  const { leaseSeconds: seconds, now = monotonicMs } = deps.settings;
  const askedAt = now();
  const owner = `${deps.settings.owner} sweep ${randomUUID()}`;
  const hold = await sweeps.holdBinding(leftover, { owner, seconds, settleSeconds: settleSeconds(deps) });
  if (hold === undefined) return false;
  const keeper = keepLease({ renew: sweeps.renewHold }, hold, seconds, { askedAt, now });
  const guard = () => {
    context.guard();
    keeper.guard();
  };
  let swept = false;
  try {
    const binding = await deps.store.findBindingByUid(leftover.uid);
    if (binding === undefined) return false;
    const view = await viewInstanceByUid(leftover.instanceUid, deps);
    // The logins of a deprovisioned instance went with its server.
    if (view.instance.state !== 'deprovisioned') await revokeLogin(binding, view, { deps, guard });
    guard();
    await withdrawDelivery(binding, { deps, guard });
    swept = true;
  } finally {
    keeper.stop();
    await sweeps.endHold(hold, swept).catch((cause: unknown) => {
      deps.events.backgroundFaulted({ task: 'end the hold of a binding', cause });
    });
  }
  const fields = { instanceUid: leftover.instanceUid, bindingUid: leftover.uid };
  if (leftover.why === 'expired') deps.events.bindingExpired(fields);
  else deps.events.bindingSwept({ ...fields, why: leftover.why });
  return true;
}
