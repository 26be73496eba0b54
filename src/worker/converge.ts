/** What provision and update have in common: bringing the resources of a plan to what they should be. */
import { ChandlerError } from '../domain/errors.ts';
import type { ResourceSpec } from '../domain/offering.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { renderTree, resourceDependencies, unmetCondition } from '../provisioners/instance-scope.ts';
import { namespaceResourceId } from '../provisioners/namespace-object.ts';
import { resourceState } from '../provisioners/resource-state.ts';
import type { StoreTransaction } from '../store/types.ts';
import { type ApplyOutcome, applyResource } from './apply-resource.ts';
import { decideConvergence, type GraphNode } from './decide-convergence.ts';
import { externalPollMs, externalState } from './externals.ts';
import { engineTarget, type InstanceView, scopeOf } from './instance-view.ts';
import { judgeWait } from './judge-wait.ts';
import { providerOf } from './parts.ts';
import { readState } from './reads.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/**
 * Brings the graph of the view's plan one step nearer to ready: decide, act. Safe to run again from any point.
 * @returns undefined once every resource is what it should be, and ready
 */
export async function converge(view: InstanceView, context: TickContext): Promise<TickOutcome | undefined> {
  const nodes = graphOf(view, context.claim.operation.appliedResources);
  const step = decideConvergence(nodes);
  switch (step.kind) {
    case 'apply':
      return applyResources(step.ids, view, context);
    case 'wait':
      return judgeWait(step, concerned(nodes), view, context);
    case 'failed':
      return { kind: 'failed', code: 'ResourceFailed', sentence: step.message };
    case 'complete':
      return undefined;
  }
}

/** Ids of the resources that are waited for, and of what they are made from: an operator's silence shows there. */
function concerned(nodes: readonly GraphNode[]): ReadonlySet<string> {
  const waiting = nodes.filter(({ applied, state }) => applied && state.kind === 'waiting');
  return new Set(waiting.flatMap(({ id, dependsOn }) => [id, ...dependsOn]));
}

/** Ids of everything the plan is made of: its resources, and the namespace when any of them lives in a cluster. */
export function resourceIds({ revision }: Pick<InstanceView, 'revision'>): string[] {
  const inCluster = revision.resources.some(({ kind }) => kind !== 'external');
  return [...(inCluster ? [namespaceResourceId] : []), ...revision.resources.map(({ id }) => id)];
}

/**
 * Whether a resource is applied is what the operation itself noted, for the inventory also knows the state that an
 * update found.
 */
function graphOf(view: InstanceView, appliedResources: readonly string[]): GraphNode[] {
  const { revision } = view;
  const specs = new Map(revision.resources.map((spec) => [spec.id, spec]));
  return resourceIds(view).map((id) => {
    const spec = specs.get(id);
    const applied = appliedResources.includes(id);
    const state = applied ? stateOf(id, spec, view) : ({ kind: 'waiting', message: '' } as const);
    return { id, dependsOn: spec === undefined ? [] : dependenciesOf(spec, view), applied, state };
  });
}

/** How the resources stand that the operation brought to their new state. */
export function resourceStates(
  view: InstanceView,
  applied: readonly string[],
): ReadonlyMap<string, GraphNode['state']> {
  const nodes = graphOf(view, applied).filter((node) => node.applied);
  return new Map(nodes.map(({ id, state }) => [id, state]));
}

function dependenciesOf(spec: ResourceSpec, { revision }: InstanceView): string[] {
  const resources = resourceDependencies(spec, revision.resources);
  return spec.kind === 'external' ? resources : [namespaceResourceId, ...resources];
}

function stateOf(id: string, spec: ResourceSpec | undefined, view: InstanceView): GraphNode['state'] {
  const items = view.inventory.filter(({ resourceId }) => resourceId === id);
  const state = stateOfKind(id, spec, items, view);
  const unmet =
    spec !== undefined && state.kind === 'ready' ? unmetCondition(spec, scopeOf(view)) : undefined;
  if (unmet === undefined) return state;
  return {
    kind: 'waiting',
    message: `${id}: waiting for ${unmet}`,
    ...(spec?.kind === 'external' || spec?.kind === 'read' ? { pollAfterMs: externalPollMs } : {}),
  };
}

function stateOfKind(
  id: string,
  spec: ResourceSpec | undefined,
  items: InstanceView['inventory'],
  view: InstanceView,
): GraphNode['state'] {
  if (spec?.kind === 'external') return externalState(spec, view);
  if (spec?.kind === 'read') return readState(spec, view);
  return resourceState(id, items, view.observed);
}

async function applyResources(
  ids: readonly string[],
  view: InstanceView,
  context: TickContext,
): Promise<TickOutcome> {
  const applied: string[] = [];
  const waiting: Exclude<ApplyOutcome, 'applied'>[] = [];
  for (const id of ids) {
    // One that was just applied may have taken over objects of the next, or make the same.
    const isFirst = applied.length + waiting.length === 0;
    const inventory = isFirst ? view.inventory : await context.deps.store.listInventory(view.instance.uid);
    const outcome = await applyResource(id, { ...view, inventory }, withApplied(context, applied));
    if (outcome === 'applied') applied.push(id);
    else waiting.push(outcome);
  }
  if (applied.length === 0 && waiting[0] !== undefined) {
    const pollAfterMs = Math.min(...waiting.map((each) => each.pollAfterMs));
    return { kind: 'wait', description: waiting[0].description, pollAfterMs };
  }
  // Once more at once: an object that an earlier worker made and did not record may have been seen long ago, and
  // then no event comes. It also wakes the watcher, which looks for kinds that nobody watched before.
  return {
    kind: 'wait',
    description: `applied ${applied.join(', ')}; waiting until it is ready`,
    pollAfterMs: 0,
  };
}

function withApplied(context: TickContext, applied: readonly string[]): TickContext {
  const { claim } = context;
  const { operation } = claim;
  const appliedResources = [...operation.appliedResources, ...applied];
  return { ...context, claim: { ...claim, operation: { ...operation, appliedResources } } };
}

/**
 * The last step, when the graph is complete: proves that the server can be used and writes down the outputs.
 * @param done `commit` is what else is written in the transaction that ends the operation
 */
export async function complete(
  view: InstanceView,
  { deps, guard }: TickContext,
  done: { description: string; commit?: (transaction: StoreTransaction) => Promise<void> },
): Promise<TickOutcome> {
  const { instance, revision } = view;
  const outputs = renderOutputs(view);
  if (outputs === undefined) {
    return { kind: 'wait', description: 'waiting for the values of the outputs', pollAfterMs: waitPollMs };
  }
  if (revision.bind !== undefined) {
    const target = await engineTarget(view, outputs);
    guard();
    await providerOf(deps, revision.bind.engine).prepare(revision.bind, target);
  }
  return {
    kind: 'done',
    description: done.description,
    commit: async (transaction) => {
      await done.commit?.(transaction);
      await transaction.setInstanceOutputs(instance.uid, outputs);
    },
  };
}

function renderOutputs(view: InstanceView): JsonObject | undefined {
  const outputs = renderTree(view.revision.outputs, scopeOf(view), 'outputs');
  if (outputs === undefined) return undefined;
  if (!isJsonObject(outputs))
    throw new ChandlerError('TemplateFailed', { sentence: 'The outputs are not a map.' });
  return outputs;
}
