import type { ServiceBinding } from '../../domain/binding.ts';
import type { ServiceInstance } from '../../domain/instance.ts';
import { enqueueRepair } from '../../store/enqueue-repair.ts';
import { enqueueByPlan, first, lockIdleInstance } from './first.ts';
import type { Orphan } from './group-findings.ts';
import { OrphanRefused } from './orphan-refused.ts';
import type { Settlement, SettleOptions } from './settlement.ts';
import { assertNothingSince, assertStillGone } from './still-so.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

/** A repair: everything is applied anew, as the row says; what is gone is made again. */
export function recreateInstance(
  deps: OrphanDeps,
  orphan: Orphan & { instance: ServiceInstance },
  { withEmptyVolumes }: SettleOptions,
): Settlement {
  const { store } = deps;
  const { instance, kind, findings } = orphan;
  const gone = findings.filter((each) => each.kind === 'row without object');
  const { uid, platform, instanceId, namespace } = instance;
  return {
    steps: [
      kind === 'drift'
        ? `repair the instance ${platform}/${instanceId} (${uid}): undo what was changed by another hand in namespace ${namespace}`
        : `repair the instance ${platform}/${instanceId} (${uid}): make anew what is gone (${gone.map(({ objectKind, name }) => `${objectKind} ${name}`).join(', ')})`,
    ],
    warnings: withEmptyVolumes
      ? ['Volumes that are gone are made anew, EMPTY: what they held is not restored.']
      : kind === 'drift'
        ? []
        : [
            'If a volume is gone, the repair fails and says so; --with-empty-volumes makes it anew, without what it held.',
          ],
    begin: async () => {
      await assertStillGone(deps, orphan);
      await store.transact((transaction) => assertNothingSince(transaction, orphan));
      const outcome = await enqueueRepair(store, { instanceUid: uid, withEmptyVolumes });
      if (outcome.kind === 'enqueued') return outcome.operation;
      throw new OrphanRefused(
        outcome.why === 'operation in progress'
          ? 'An operation is in progress on the instance or a binding of it. Wait for it, then look again.'
          : `Only an instance that is ready can be repaired; this one is ${(await store.findInstanceByUid(uid))?.state ?? 'gone'}.`,
      );
    },
  };
}

/** The next sweep would take back what it makes; a later clock of Postgres costs no more than that. */
function assertNotExpired({ expiresAt }: ServiceBinding): void {
  if (expiresAt === undefined || expiresAt > new Date()) return;
  throw new OrphanRefused(
    `The credentials of this binding expired at ${expiresAt.toISOString()}, and what was delivered is taken back for good. Bind anew, and let the platform unbind this one.`,
  );
}

/**
 * An ordinary bind on the row: the login gets its password again, and the credentials are delivered again.
 * @throws OrphanRefused when the binding is expired
 */
export function recreateBinding(
  deps: OrphanDeps,
  orphan: Orphan & { instance: ServiceInstance; binding: ServiceBinding },
): Settlement {
  const { store } = deps;
  const { binding, findings } = orphan;
  assertNotExpired(binding);
  return {
    steps: [
      `bind ${binding.platform}/${binding.bindingId} (${binding.uid}) of the instance ${binding.instanceId} once more, with the password that it had: make anew ${findings.map(({ objectKind, name }) => `${objectKind} ${name}`).join(', ')}`,
    ],
    warnings: [],
    begin: async () => {
      await assertStillGone(deps, orphan);
      return first(store, async (transaction) => {
        const instance = await lockIdleInstance(transaction, binding.instanceUid);
        const now = await transaction.findBindingByUid(binding.uid);
        if (now?.state !== 'bound') {
          throw new OrphanRefused(`The binding is ${now?.state ?? 'gone'} by now. Look again.`);
        }
        await assertNothingSince(transaction, orphan);
        if (instance.state !== 'ready' && instance.state !== 'update failed') {
          throw new OrphanRefused(`The instance of this binding is ${instance.state}: settle it first.`);
        }
        await transaction.setBindingState(binding.uid, 'binding');
        return enqueueByPlan(transaction, instance, {
          type: 'bind',
          bindingUid: binding.uid,
          description: 'The service binding is about to be made anew.',
        });
      });
    },
  };
}
