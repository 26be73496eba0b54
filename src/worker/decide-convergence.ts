import type { ResourceState } from '../provisioners/resource-state.ts';

/** One node of the graph as a tick finds it. */
export interface GraphNode {
  id: string;
  dependsOn: readonly string[];
  /** This operation brought the resource to what it should be; it may still have to become ready. */
  applied: boolean;
  /** Meaningful only when applied. */
  state: ResourceState;
}

export type ConvergenceStep =
  | { kind: 'apply'; ids: string[] }
  /** `pollAfterMs` when some of what is waited for must be asked. */
  | { kind: 'wait'; message: string; pollAfterMs?: number }
  | { kind: 'failed'; message: string }
  | { kind: 'complete' };

/**
 * Decide: pure and total. Whatever can be applied is applied, independent resources side by side; a failed resource
 * ends the operation; when all are ready the graph is complete.
 */
export function decideConvergence(nodes: readonly GraphNode[]): ConvergenceStep {
  const isReady = (node: GraphNode | undefined) => node?.applied === true && node.state.kind === 'ready';
  const byId = new Map(nodes.map((node) => [node.id, node]));

  for (const { applied, state } of nodes) {
    if (applied && state.kind === 'failed') return { kind: 'failed', message: state.message };
  }
  const appliable = nodes.filter(
    (node) => !node.applied && node.dependsOn.every((id) => isReady(byId.get(id))),
  );
  if (appliable.length > 0) return { kind: 'apply', ids: appliable.map(({ id }) => id) };

  const waiting = nodes.flatMap(({ applied, state }) => (applied && state.kind === 'waiting' ? [state] : []));
  if (waiting[0] !== undefined) {
    const polls = waiting.flatMap(({ pollAfterMs }) => (pollAfterMs === undefined ? [] : [pollAfterMs]));
    const { message } = waiting[0];
    return { kind: 'wait', message, ...(polls.length === 0 ? {} : { pollAfterMs: Math.min(...polls) }) };
  }
  return nodes.every(isReady)
    ? { kind: 'complete' }
    : { kind: 'failed', message: 'the resources of the plan wait for each other' };
}
