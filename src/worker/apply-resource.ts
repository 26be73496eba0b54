import type { ReleaseSpec } from '../domain/offering.ts';
import { applyObject, reapplyObject } from '../provisioners/apply-object.ts';
import { growVolumes, type PlannedApply } from '../provisioners/grow-volumes.ts';
import { renderInputs } from '../provisioners/instance-scope.ts';
import { namespaceObject } from '../provisioners/namespace-object.ts';
import { inventoryKey, planApply } from '../provisioners/plan-apply.ts';
import { planRepair } from '../provisioners/plan-repair.ts';
import { isAccess } from '../provisioners/release/access-objects.ts';
import { refuseForeignRelease, releasedObject } from '../provisioners/release/released-object.ts';
import { bringRelease, forgetRelease } from '../provisioners/release/run-release.ts';
import { renderResource } from '../provisioners/render-resource.ts';
import { bringDefinitions } from '../provisioners/shared-definitions.ts';
import type { DesiredObject, InstanceTarget } from '../provisioners/types.ts';
import type { AppliedObject, InventoryItem, NewInventoryItem, StoreTransaction } from '../store/types.ts';
import { applyExternal, type ExternalSpec, externalItem } from './externals.ts';
import { guardedCluster } from './guarded-cluster.ts';
import { type InstanceView, scopeOf } from './instance-view.ts';
import { findMoving, knownOf, nobodys } from './moving-objects.ts';
import { pollAfterRemoval, removeItem } from './remove-items.ts';
import { type TickContext, waitPollMs } from './types.ts';

/** `applied`, or what the resource waits for. */
export type ApplyOutcome = 'applied' | { description: string; pollAfterMs: number };

/** Claims that a controller made are not watched. */
const growthPollMs = 2_000;

/** A definition that was just made is served within a second or two, and nothing tells of it. */
const definitionPollMs = 1_000;

/** In place of a digest while an apply is under way; equal to none. */
const underWay = 'under way';

/** What a resource comes to: all its items, what is to be done for some of them, and what it no longer has. */
interface Work {
  items: NewInventoryItem[];
  effects: { item: NewInventoryItem; knownUid?: string; apply: () => Promise<AppliedObject> }[];
  stale: InventoryItem[];
  /** Stands, is not of the plan as far as it is known, and stays where it is: only no row knows it any more. */
  left: InventoryItem[];
}

/** In place of work: what must come first. */
interface Waiting {
  waitsFor: string;
  /** Where no watch tells of changes. */
  pollAfterMs?: number;
}

/**
 * Act: makes one resource what it should be, the namespace included. What it no longer has goes last, as with helm, so
 * that a refused object costs nothing of what runs; the resource counts as applied when all that is gone.
 */
export async function applyResource(
  id: string,
  view: InstanceView,
  context: TickContext,
): Promise<ApplyOutcome> {
  const { deps, claim, guard } = context;
  const work = await workOf(id, view, context);
  if ('waitsFor' in work) {
    return { description: `${id}: waiting ${work.waitsFor}`, pollAfterMs: work.pollAfterMs ?? waitPollMs };
  }
  const moving = await findMoving(work.stale, id, view, context);
  const stale = work.stale.filter((item) => !moving.includes(item));
  /** Writes still to come: the plan, then one per effect and per object that goes. */
  let writes = 1 + work.effects.length + stale.length;
  /** The last write says that the resource is applied. */
  const record = async (
    write: (transaction: StoreTransaction) => Promise<void>,
    { isEffect = true }: { isEffect?: boolean } = {},
  ) => {
    writes -= 1;
    await deps.store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      await write(transaction);
      const isWhole = writes <= 0;
      if (isWhole) await transaction.recordAppliedResource(claim.operation.uid, id);
      // A repair does the effects of a resource again until it is whole.
      if (isWhole || (isEffect && context.repair === undefined)) await transaction.recordProgress(claim);
    });
  };

  await record(
    async (transaction) => {
      await transaction.planInventory([
        ...work.items,
        ...moving.map((item) => ({ ...item, resourceId: nobodys })),
      ]);
      for (const item of work.left) await transaction.removeInventory(item);
      // An apply that is cut short may have had its effect: until it is recorded nobody may take the old digest for true.
      for (const { item, knownUid } of work.effects) {
        if (knownUid === undefined) continue;
        await transaction.recordApplied(item, { objectUid: knownUid, appliedDigest: underWay });
      }
    },
    { isEffect: false },
  );
  for (const { item, apply } of work.effects) {
    guard();
    const applied = await apply();
    await record((transaction) => transaction.recordApplied(item, applied));
    const { instanceUid, cluster, kind, namespace, name } = item;
    deps.events.objectApplied({ instanceUid, cluster, kind, namespace, name });
  }
  for (const item of stale) {
    guard();
    if (isAccess(item, view.target)) await forgetRelease({ resourceId: id, target: view.target, guard });
    if ((await removeItem(item, view, deps)) === 'deleting') {
      const description = `${id}: waiting until ${item.kind} ${item.name} is deleted`;
      return { description, pollAfterMs: await pollAfterRemoval(item, deps) };
    }
    await record((transaction) => transaction.removeInventory(item));
    const { instanceUid, cluster, kind, namespace, name } = item;
    deps.events.objectRemoved({ instanceUid, cluster, kind, namespace, name });
  }
  return 'applied';
}

const valueMissing: Waiting = { waitsFor: 'for a value that it reads' };

async function workOf(id: string, view: InstanceView, context: TickContext): Promise<Work | Waiting> {
  const spec = view.revision.resources.find((resource) => resource.id === id);
  if (spec === undefined) return workOfObjects(id, [namespaceObject(view.target)], view, context);
  const known = view.inventory.filter(({ resourceId }) => resourceId === id);
  if (spec.kind === 'external') return workOfExternal(spec, known, view, context);
  // Whatever this id stood for before goes; what is only read is nobody's to make.
  if (spec.kind === 'read') return { items: [], effects: [], stale: known, left: [] };
  if (spec.kind === 'helm' && spec.crds === 'apply') {
    const cluster = guardedCluster(view.target.cluster, context.guard);
    const missing = await bringDefinitions(spec.chartDigest, { ...view.target, cluster });
    if (missing !== undefined) {
      return { waitsFor: `until the cluster serves ${missing}`, pollAfterMs: definitionPollMs };
    }
  }
  const desired = await renderResource(spec, scopeOf(view), view.target);
  if (desired === undefined) return valueMissing;
  const work = await workOfObjects(
    id,
    desired.filter(({ by }) => by !== 'hook'),
    view,
    context,
    spec.kind === 'helm' && spec.release !== undefined
      ? releaseApplier({
          ...{ desired, resourceId: id, view, context },
          ...{ chartName: spec.chartName, spec: spec.release },
        })
      : undefined,
  );
  return work;
}

type Applier = (entry: DesiredObject, knownUid: string | undefined) => Promise<AppliedObject>;

/** helm runs once for all that it applies; then each object is looked up, for the inventory. */
function releaseApplier(release: {
  desired: readonly DesiredObject[];
  resourceId: string;
  chartName: string;
  spec: ReleaseSpec;
  view: InstanceView;
  context: TickContext;
}): Applier {
  const { desired, resourceId, chartName, spec, view, context } = release;
  const { guard, repair, restoring = false } = context;
  const target = { ...view.target, cluster: guardedCluster(view.target.cluster, guard) };
  const byHelm = desired.filter(({ by }) => by === 'helm');
  const unknown = planApply(byHelm, view.inventory).apply.filter(({ knownUid }) => knownUid === undefined);
  let brought: Promise<void> | undefined;
  return async ({ object }) => {
    brought ??= refuseForeignRelease(
      unknown.map((entry) => entry.desired.object),
      target,
    ).then(() =>
      bringRelease(desired, {
        ...{ resourceId, chartName, spec, target, guard },
        ...{ again: repair !== undefined, withHooks: !restoring },
      }),
    );
    await brought;
    return releasedObject(object, target);
  };
}

async function workOfObjects(
  id: string,
  desired: readonly DesiredObject[],
  view: InstanceView,
  context: TickContext,
  applyByHelm?: Applier,
): Promise<Work | Waiting> {
  const { instance, target } = view;
  const { claim, guard, repair, restoring } = context;
  const known = knownOf(id, desired, view, context);
  const guarded = { ...target, cluster: guardedCluster(target.cluster, guard) };
  const itemOf = ({ resourceId, object }: DesiredObject): NewInventoryItem => ({
    instanceUid: instance.uid,
    cluster: instance.cluster,
    resourceId,
    ...inventoryKey(object),
  });
  const plan =
    repair === undefined ? planApply(desired, known) : await planRepair(desired, known, target, repair);
  if ('deleting' in plan) return { waitsFor: `until ${plan.deleting} is deleted` };
  const { prune } = plan;
  const apply = await withVolumes(plan.apply, guarded, {
    grows: claim.operation.type === 'update' && !restoring,
  });
  if ('waitsFor' in apply) return { ...apply, pollAfterMs: growthPollMs };
  const { prune: unwanted, outdated } = planApply(desired, known);
  const left = [...outdated, ...(claim.operation.adopts ? unwanted : [])];
  const applyByChandler: Applier = ({ object }, knownUid) =>
    (restoring === true || repair !== undefined ? reapplyObject : applyObject)(object, knownUid, guarded);
  // What helm works with comes before helm.
  const isByHelm = (entry: { desired: DesiredObject }) => entry.desired.by === 'helm';
  const ordered = [...apply.filter((entry) => !isByHelm(entry)), ...apply.filter(isByHelm)];
  return {
    items: desired.map(itemOf),
    effects: ordered.map(({ desired: entry, knownUid }) => ({
      item: itemOf(entry),
      ...(knownUid === undefined ? {} : { knownUid }),
      apply: () =>
        (entry.by === 'helm' && applyByHelm !== undefined ? applyByHelm : applyByChandler)(entry, knownUid),
    })),
    stale: prune,
    left,
  };
}

/** The same, once the volumes are as large as it says; until then, what the first of them waits for. */
async function withVolumes(
  planned: readonly PlannedApply[],
  target: InstanceTarget,
  options: { grows: boolean },
): Promise<PlannedApply[] | Waiting> {
  const ready: PlannedApply[] = [];
  let first: Waiting | undefined;
  for (const entry of planned) {
    const step = await growVolumes(entry, target, options);
    if ('waitsFor' in step) first ??= step;
    else ready.push(step);
  }
  return first ?? ready;
}

function workOfExternal(
  spec: ExternalSpec,
  known: readonly InventoryItem[],
  view: InstanceView,
  { claim, deps }: TickContext,
): Work | Waiting {
  // To make something anew that is gone would lose what it held, and its provisioner cannot tell.
  if (claim.operation.type === 'repair') return { items: [], effects: [], stale: [], left: [] };
  const inputs = renderInputs(spec, scopeOf(view));
  if (inputs === undefined) return valueMissing;
  const item = externalItem(spec, view);
  return {
    items: [item],
    effects: [{ item, apply: () => applyExternal(spec, item.name, inputs, deps) }],
    stale: known.filter(({ cluster, kind }) => cluster !== item.cluster || kind !== item.kind),
    left: [],
  };
}
