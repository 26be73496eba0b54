import type { ServiceBinding } from '../../domain/binding.ts';
import type { ServiceInstance } from '../../domain/instance.ts';
import type { Operation } from '../../domain/operation.ts';
import { namespaceResourceId } from '../../provisioners/namespace-object.ts';
import type { AdoptedBinding, Store, StoreTransaction } from '../../store/types.ts';
import { enqueueByPlan, first, lockIdleInstance } from './first.ts';
import { loginOwner, type Orphan } from './group-findings.ts';
import type { AppliedLiveObject } from './live-objects.ts';
import { OrphanRefused } from './orphan-refused.ts';
import { readLostBinding } from './read-binding.ts';
import { type LostInstance, readLostInstance } from './read-instance.ts';
import type { Settlement, SettleOptions } from './settlement.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

/** In place of the digest of what was applied; equal to none, so that all of it is applied anew. */
const unknownDigest = 'adopted';
const adoptingProvision = {
  type: 'provision',
  adopts: true,
  description: 'The service instance is about to be adopted.',
} as const;

/**
 * An instance gets its row back, and a provision that finds everything made already: it applies what the plan says,
 * waits until it is ready, and writes the outputs down.
 * @throws OrphanRefused, ChandlerError, KubeError
 */
export async function adoptInstance(
  deps: OrphanDeps,
  { instanceUid }: Orphan,
  { parameters, planId }: SettleOptions,
): Promise<Settlement> {
  const lost = await readLostInstance(deps, instanceUid, {
    state: 'provisioning',
    ...(parameters === undefined ? {} : { parameters }),
    ...(planId === undefined ? {} : { planId }),
  });
  const { row, revision, objects: standing, warnings } = lost;
  const ids = [namespaceResourceId, ...revision.resources.map(({ id }) => id)];
  const objects = standing.filter(({ resourceId }) => ids.includes(resourceId));
  const foreign = named(standing.filter((object) => !objects.includes(object)));
  return {
    steps: [
      ...(lost.hollowUid === undefined
        ? []
        : [`forget the row ${lost.hollowUid}: a request for the same id, refused since all this stood`]),
      `write the row of ${row.platform}/${row.instanceId} (${row.uid}): ${revision.serviceName} ${revision.planName}, life ${row.incarnation} of this id, namespace ${row.namespace}, organization "${row.organizationGuid}", space "${row.spaceGuid}"`,
      `read back from its Secrets what was generated: ${Object.keys(revision.generate).join(', ') || 'nothing'}`,
      `write down ${objects.length} objects: ${named(objects)}`,
      'provision: apply what the plan says to what stands, wait until it is ready, write the outputs down; nothing is deleted, and no volume made anew',
      ...(foreign.length === 0 ? [] : [`leave as they are, for the plan does not have them: ${foreign}`]),
    ],
    warnings,
    leftAlone: () => leftAlone(deps, lost),
    begin: () =>
      first(deps.store, async (transaction) => {
        await insertInstance(transaction, { ...lost, objects });
        return enqueueByPlan(transaction, row, adoptingProvision);
      }),
  };
}

/**
 * What stands and the plan, with the parameters that are known, does not make: parameters may have switched it on. To be
 * asked when the adoption is through.
 */
async function leftAlone({ store }: OrphanDeps, { row, objects }: LostInstance): Promise<string[]> {
  const known = new Set((await store.listInventory(row.uid)).map(({ objectUid }) => objectUid));
  const left = objects.filter(({ uid }) => !known.has(uid));
  if (left.length === 0) return [];
  return [
    `Left as they are, for the plan does not make them with these parameters: ${named(left)}. No row knows them; the next sweeps tell of them.`,
  ];
}

function named(objects: readonly Pick<AppliedLiveObject, 'kind' | 'name'>[]): string {
  return objects.map(({ kind, name }) => `${kind} ${name}`).join(', ');
}

/** The provision once more, after one that failed. */
export function adoptAgain(
  { store }: OrphanDeps,
  { uid, platform, instanceId }: ServiceInstance,
): Settlement {
  return {
    steps: [
      `provision ${platform}/${instanceId} (${uid}) once more: apply what the plan says to what stands`,
    ],
    warnings: [],
    begin: () =>
      first(store, async (transaction) => {
        const instance = await lockIdleInstance(transaction, uid);
        if (instance.state !== 'provision failed')
          throw new OrphanRefused(`The instance is ${instance.state} by now.`);
        await transaction.setInstanceState(uid, 'provisioning');
        return enqueueByPlan(transaction, instance, adoptingProvision);
      }),
  };
}

/** The rows of an instance and of what was applied for it. */
export async function insertInstance(
  transaction: StoreTransaction,
  { row, objects, dashboardUrl, hollowUid }: LostInstance,
): Promise<void> {
  if (hollowUid !== undefined && !(await transaction.discardHollowInstance(hollowUid))) {
    throw new OrphanRefused('The row of the refused request changed by now. Look again.');
  }
  await transaction.adoptInstance(row);
  if (dashboardUrl !== undefined) await transaction.setDashboardUrl(row.uid, dashboardUrl);
  const items = objects.map(({ uid: objectUid, ...object }) => ({
    item: { instanceUid: row.uid, cluster: row.cluster, ...object },
    objectUid,
  }));
  await transaction.planInventory(items.map(({ item }) => item));
  for (const { item, objectUid } of items) {
    await transaction.recordApplied(item, { objectUid, appliedDigest: unknownDigest });
  }
}

/**
 * A binding gets its row back, with the password that was delivered, and a bind that finds its login and its Secret.
 * @throws OrphanRefused, ChandlerError, KubeError
 */
export async function adoptBinding(
  deps: OrphanDeps,
  orphan: Orphan,
  { trustSecret }: SettleOptions,
): Promise<Settlement> {
  const { instance } = orphan;
  if (instance === undefined) {
    throw new OrphanRefused(
      'The instance of this binding has no row either. Adopt the instance first; `chandler orphans list` shows it.',
    );
  }
  const { row, delivered } = await readLostBinding(deps, orphan, instance, 'binding');
  assertLoginKnown(orphan, row, trustSecret);
  return {
    steps: [
      `write the row of the binding ${row.platform}/${row.bindingId} (${row.uid}) of the instance ${row.instanceId}, with the password that stands in the Secret of namespace ${row.delivery?.namespace}`,
      `bind: give the login ${row.externalName} this password, deliver once more: ${delivered.join(', ')}`,
    ],
    warnings: [
      'The app and the parameters that the platform named are not known: a repeated request to bind with them is a conflict.',
    ],
    begin: () => beginBinding(deps.store, row, 'bind'),
  };
}

/**
 * Whoever may write Secrets in a namespace could make up a binding, and would get a login by its adoption. A login on
 * the server can be made up by nobody.
 */
function assertLoginKnown(
  { findings }: Orphan,
  { externalName, delivery }: AdoptedBinding,
  trust: boolean,
): void {
  const isLogin = findings.some(
    (each) => each.kind === 'login without row' && loginOwner(each) === externalName,
  );
  if (isLogin || trust) return;
  throw new OrphanRefused(
    `No sweep found the login ${externalName} on the server, so only the Secret in namespace ${delivery?.namespace} says that there was such a binding, and whoever may write Secrets there could have made it up. If its instance was adopted just now, wait for the next sweep, which looks for its logins. If you know that it is genuine, add --trust-secret; else remove it and bind anew.`,
  );
}

/** @throws OrphanRefused when somebody was first, or the instance is on its way out */
export function beginBinding(store: Store, row: AdoptedBinding, type: 'bind' | 'unbind'): Promise<Operation> {
  return first(store, async (transaction) => {
    const instance = await transaction.lockInstanceByUid(row.instanceUid);
    if (instance === undefined || instance.state === 'deprovisioning' || instance.state === 'deprovisioned') {
      throw new OrphanRefused('The instance of this binding is gone by now, or on its way out. Look again.');
    }
    await transaction.adoptBinding(row);
    const description = `The service binding is about to be ${type === 'bind' ? 'adopted' : 'removed'}.`;
    return enqueueByPlan(transaction, instance, { type, bindingUid: row.uid, description });
  });
}

/** The bind once more, after one that failed. */
export function adoptBindingAgain(
  { store }: OrphanDeps,
  { uid, platform, bindingId, instanceUid }: ServiceBinding,
): Settlement {
  return {
    steps: [
      `bind ${platform}/${bindingId} (${uid}) once more: give its login the password that was delivered`,
    ],
    warnings: [],
    begin: () =>
      first(store, async (transaction) => {
        const instance = await transaction.lockInstanceByUid(instanceUid);
        const state = (await transaction.findBindingByUid(uid))?.state ?? 'gone';
        if (instance === undefined || state !== 'bind failed') {
          throw new OrphanRefused(`The binding is ${state} by now. Look again.`);
        }
        if (!['ready', 'update failed', 'provisioning'].includes(instance.state)) {
          throw new OrphanRefused(`The instance of this binding is ${instance.state}: settle it first.`);
        }
        await transaction.setBindingState(uid, 'binding');
        return enqueueByPlan(transaction, instance, {
          type: 'bind',
          bindingUid: uid,
          description: 'The service binding is about to be adopted.',
        });
      }),
  };
}
