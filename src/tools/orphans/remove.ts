import type { ServiceBinding } from '../../domain/binding.ts';
import type { ServiceInstance } from '../../domain/instance.ts';
import type { KubeObject } from '../../kube/types.ts';
import { labelKeys } from '../../lib/labels.ts';
import { refuseForeignObjects } from '../../provisioners/foreign-objects.ts';
import type { AdoptedBinding, Finding } from '../../store/types.ts';
import { beginBinding, insertInstance } from './adopt.ts';
import { enqueueByPlan, first, lockIdleInstance } from './first.ts';
import type { Orphan } from './group-findings.ts';
import { OrphanRefused } from './orphan-refused.ts';
import { readLostBinding, readLostLogin } from './read-binding.ts';
import { readLostInstance } from './read-instance.ts';
import type { Settlement } from './settlement.ts';
import { assertNothingSince, assertStillGone } from './still-so.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

const removal = {
  type: 'deprovision',
  description: 'The service instance is about to be removed.',
} as const;

/**
 * An instance gets a row that is on its way out, and the ordinary deprovision, which looks at uids and foreign objects
 * and leaves a tombstone. What was delivered for bindings that have no row either goes along.
 * @param all every orphan there is
 * @throws OrphanRefused, ChandlerError, KubeError
 */
export async function removeInstance(
  deps: OrphanDeps,
  { instanceUid }: Orphan,
  all: readonly Orphan[],
): Promise<Settlement> {
  const lost = await readLostInstance(deps, instanceUid, { state: 'deprovisioning' });
  const { row, objects, warnings } = lost;
  const bindings: AdoptedBinding[] = [];
  const delivered: string[] = [];
  const ofInstance = all.filter(
    (each) => each.kind === 'binding without row' && each.instanceUid === instanceUid,
  );
  for (const each of ofInstance) {
    try {
      const binding = await readLostBinding(deps, each, row, 'unbinding');
      bindings.push(binding.row);
      delivered.push(...binding.delivered);
    } catch (thrown) {
      if (!(thrown instanceof OrphanRefused)) throw thrown;
      warnings.push(`Left where it is, ${each.id.slice(0, 8)}: ${thrown.message}`);
    }
  }
  const claims = objects.filter(({ kind }) => kind === 'PersistentVolumeClaim' || kind === 'StatefulSet');
  return {
    steps: [
      `deprovision the instance ${row.platform}/${row.instanceId} (${row.uid})`,
      `delete the namespace ${row.namespace} and all that it holds: ${objects
        .slice(1)
        .map(({ kind, name }) => `${kind} ${name}`)
        .join(', ')}`,
      ...(delivered.length === 0 ? [] : [`delete what its bindings got: ${delivered.join(', ')}`]),
    ],
    warnings: [...(claims.length === 0 ? [] : ['Its data goes with it, for good.']), ...warnings],
    begin: () =>
      first(deps.store, async (transaction) => {
        await insertInstance(transaction, lost);
        for (const binding of bindings) await transaction.adoptBinding(binding);
        return enqueueByPlan(transaction, row, removal);
      }),
  };
}

/**
 * A binding, or a login that is all that is left of one, gets a row on its way out and the ordinary unbind: first the
 * login dies.
 * @throws OrphanRefused, ChandlerError, KubeError
 */
export async function removeBinding(deps: OrphanDeps, orphan: Orphan): Promise<Settlement> {
  const { instance } = orphan;
  if (instance === undefined) {
    throw new OrphanRefused(
      'The instance of this binding has no row either. Remove the instance, and this goes along; or adopt the instance first. `chandler orphans list` shows it.',
    );
  }
  const { row, delivered } =
    orphan.kind === 'login without row'
      ? { row: readLostLogin(orphan, instance), delivered: [] }
      : await readLostBinding(deps, orphan, instance, 'unbinding');
  return {
    steps: [
      `revoke the login ${row.externalName} of the instance ${instance.platform}/${instance.instanceId}`,
      ...(delivered.length === 0 ? [] : [`delete ${delivered.join(', ')}`]),
    ],
    warnings: ['Whatever still uses these credentials loses its connection.'],
    begin: () => beginBinding(deps.store, row, 'unbind'),
  };
}

/** What a settlement that only deletes objects ends with. */
const noOperation = undefined;

/**
 * A single object, by its uid.
 * @throws OrphanRefused when it is another one by now, or a row knows it
 */
export function removeObject(deps: OrphanDeps, { findings }: Orphan): Settlement {
  const { cluster } = deps;
  const [finding] = findings;
  if (finding?.objectUid === undefined)
    throw new OrphanRefused('The sweep did not note the uid of this object.');
  const { apiVersion, objectKind: kind, namespace, name, objectUid: uid } = finding;
  const what = `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
  const reference = { apiVersion, kind, namespace, name };
  return {
    steps: [`delete ${what} (uid ${uid})${kind === 'Namespace' ? ', and all that it holds' : ''}`],
    warnings: [],
    begin: async () => {
      const found = await cluster.get(reference);
      if (found === undefined) return noOperation;
      if (found.metadata.uid !== uid || (await isExplained(deps, finding, found))) {
        throw new OrphanRefused(`${what} is another one by now, or a row knows it. Look again.`);
      }
      if (kind === 'Namespace') {
        const identity = {
          installationId: deps.store.installationId,
          instanceUid: finding.instanceUid ?? '',
        };
        await refuseForeignObjects({ cluster, namespace: name, identity });
      }
      await cluster.delete(reference, { uid });
      return noOperation;
    },
  };
}

/** Whether the object is not ours, or its instance or binding has it, or is being worked on and may be about to. */
async function isExplained(
  { store }: OrphanDeps,
  { instanceUid, bindingUid, objectUid, name, namespace }: Finding,
  { metadata: { labels = {} } }: KubeObject,
): Promise<boolean> {
  if (labels[labelKeys.installation] !== store.installationId) return true;
  const instance = instanceUid === undefined ? undefined : await store.findInstanceByUid(instanceUid);
  if (instance === undefined || instance.state === 'deprovisioned') return false;
  await first(store, (transaction) => lockIdleInstance(transaction, instance.uid));
  const inventory = await store.listInventory(instance.uid);
  if (inventory.some((item) => item.objectUid === objectUid)) return true;
  const binding = bindingUid === undefined ? undefined : await store.findBindingByUid(bindingUid);
  const isLive = binding !== undefined && binding.state !== 'unbound';
  return isLive && binding.externalName === name && binding.delivery?.namespace === namespace;
}

/** The ordinary deprovision of an instance that has a row, whose objects are gone. */
export function removeInstanceRow(
  deps: OrphanDeps,
  orphan: Orphan & { instance: ServiceInstance },
): Settlement {
  const { store } = deps;
  const { instance } = orphan;
  return {
    steps: [
      `deprovision the instance ${instance.platform}/${instance.instanceId} (${instance.uid}), with its bindings and what is left of it in namespace ${instance.namespace}`,
    ],
    warnings: ['What is left of its data goes with it, for good.'],
    begin: async () => {
      await assertStillGone(deps, orphan);
      return first(store, async (transaction) => {
        const idle = await lockIdleInstance(transaction, instance.uid);
        await assertNothingSince(transaction, orphan);
        await transaction.setInstanceState(idle.uid, 'deprovisioning');
        return enqueueByPlan(transaction, idle, removal);
      });
    },
  };
}

/** The ordinary unbind of a binding that has a row, whose login or delivery is gone. */
export function removeBindingRow(
  deps: OrphanDeps,
  orphan: Orphan & { instance: ServiceInstance; binding: ServiceBinding },
): Settlement {
  const { store } = deps;
  const { binding } = orphan;
  return {
    steps: [
      `unbind ${binding.platform}/${binding.bindingId} (${binding.uid}) of the instance ${binding.instanceId}: its login and what was delivered, as far as they are there`,
    ],
    warnings: [],
    begin: async () => {
      await assertStillGone(deps, orphan);
      return first(store, async (transaction) => {
        const instance = await lockIdleInstance(transaction, binding.instanceUid);
        const now = await transaction.findBindingByUid(binding.uid);
        if (now === undefined || now.state === 'unbound') {
          throw new OrphanRefused('The binding is gone by now. Look again.');
        }
        await assertNothingSince(transaction, orphan);
        await transaction.setBindingState(binding.uid, 'unbinding');
        return enqueueByPlan(transaction, instance, {
          type: 'unbind',
          bindingUid: binding.uid,
          description: 'The service binding is about to be removed.',
        });
      });
    },
  };
}
