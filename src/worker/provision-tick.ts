import { ChandlerError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { applyObject } from '../provisioners/apply-object.ts';
import {
  instanceScope,
  renderTree,
  resourceDependencies,
  unmetCondition,
} from '../provisioners/instance-scope.ts';
import { namespaceObject, namespaceResourceId } from '../provisioners/namespace-object.ts';
import { inventoryKey, planApply } from '../provisioners/plan-apply.ts';
import { removeObject } from '../provisioners/remove-object.ts';
import { renderResource } from '../provisioners/render-resource.ts';
import { resourceState } from '../provisioners/resource-state.ts';
import type { DesiredObject } from '../provisioners/types.ts';
import { decideProvision, type GraphNode } from './decide-provision.ts';
import { engineTarget, type InstanceView, viewInstance } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/** Brings an instance one step nearer to ready: observe, decide, act. Safe to run again from any point. */
export async function provisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await viewInstance(context);
  const step = decideProvision(graphOf(view));
  switch (step.kind) {
    case 'apply': {
      const { applied, blocked } = await applyResources(step.ids, view, context);
      if (applied.length === 0) return { kind: 'wait', description: blocked, pollAfterMs: waitPollMs };
      // Once more at once: an object that an earlier worker made and did not record may have been seen long ago, and
      // then no event comes. It also wakes the watcher, which looks for kinds that nobody watched before.
      return {
        kind: 'wait',
        description: `applied ${applied.join(', ')}; waiting for Kubernetes`,
        pollAfterMs: 0,
      };
    }
    case 'wait':
      return { kind: 'wait', description: step.message, pollAfterMs: waitPollMs };
    case 'failed':
      return { kind: 'failed', code: 'ResourceFailed', sentence: step.message };
    case 'complete':
      return complete(view, context);
  }
}

function graphOf(view: InstanceView): GraphNode[] {
  const { instance, revision, observed } = view;
  const scope = instanceScope(instance, revision, observed);
  const nodes = revision.resources.map((spec) => {
    const node = nodeOf(view, spec.id, [
      namespaceResourceId,
      ...resourceDependencies(spec, revision.resources),
    ]);
    const unmet = node.state.kind === 'ready' ? unmetCondition(spec, scope) : undefined;
    return unmet === undefined
      ? node
      : { ...node, state: { kind: 'waiting' as const, message: `${spec.id}: waiting for ${unmet}` } };
  });
  return [nodeOf(view, namespaceResourceId, []), ...nodes];
}

function nodeOf({ inventory, observed }: InstanceView, id: string, dependsOn: string[]): GraphNode {
  const items = inventory.filter(({ resourceId }) => resourceId === id);
  const applied = items.length > 0 && items.every(({ objectUid }) => objectUid !== undefined);
  return { id, dependsOn, applied, state: resourceState(id, items, observed) };
}

/** @returns the ids that were applied, and progress text when a resource must wait for a value that does not exist yet */
async function applyResources(
  ids: readonly string[],
  view: InstanceView,
  context: TickContext,
): Promise<{ applied: string[]; blocked: string }> {
  const applied: string[] = [];
  let blocked = '';
  for (const id of ids) {
    const desired = await desiredObjects(id, view);
    if (desired === undefined) blocked = `${id}: waiting for a value that it reads`;
    else {
      await applyResource(desired, id, view, context);
      applied.push(id);
    }
  }
  return { applied, blocked };
}

async function desiredObjects(id: string, view: InstanceView): Promise<DesiredObject[] | undefined> {
  const { instance, revision, observed, target } = view;
  const spec = revision.resources.find((resource) => resource.id === id);
  if (spec === undefined) return [namespaceObject(target)];
  return renderResource(spec, instanceScope(instance, revision, observed), target);
}

async function applyResource(
  desired: readonly DesiredObject[],
  resourceId: string,
  { instance, inventory, target }: InstanceView,
  { deps, claim, guard }: TickContext,
): Promise<void> {
  const { store, events } = deps;
  const known = inventory.filter((item) => item.resourceId === resourceId);
  const itemOf = ({ object }: DesiredObject) => ({
    instanceUid: instance.uid,
    cluster: instance.cluster,
    resourceId,
    ...inventoryKey(object),
  });
  await store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await transaction.planInventory(desired.map(itemOf));
  });
  const plan = planApply(desired, known);
  for (const item of plan.prune) {
    guard();
    await removeObject(item, undefined, target);
    await store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      await transaction.removeInventory(item);
    });
  }
  for (const { desired: entry, knownUid } of plan.apply) {
    guard();
    const applied = await applyObject(entry.object, knownUid, target);
    await store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      await transaction.recordApplied(itemOf(entry), applied.objectUid, applied.appliedDigest);
    });
    const { instanceUid, cluster, kind, namespace, name } = itemOf(entry);
    events.objectApplied({ instanceUid, cluster, kind, namespace, name });
  }
}

async function complete(view: InstanceView, { deps, guard }: TickContext): Promise<TickOutcome> {
  const { instance, revision } = view;
  const outputs = renderOutputs(view);
  if (outputs === undefined) {
    return { kind: 'wait', description: 'waiting for the values of the outputs', pollAfterMs: waitPollMs };
  }
  if (revision.bind !== undefined) {
    const target = await engineTarget(view, outputs);
    guard();
    await deps.providers[revision.bind.engine].prepare(revision.bind, target);
  }
  return {
    kind: 'done',
    description: 'The service instance is ready.',
    commit: (transaction) => transaction.setInstanceOutputs(instance.uid, outputs),
  };
}

function renderOutputs({ instance, revision, observed }: InstanceView): JsonObject | undefined {
  const outputs = renderTree(revision.outputs, instanceScope(instance, revision, observed), 'outputs');
  if (outputs === undefined) return undefined;
  if (!isJsonObject(outputs))
    throw new ChandlerError('TemplateFailed', { sentence: 'The outputs are not a map.' });
  return outputs;
}
