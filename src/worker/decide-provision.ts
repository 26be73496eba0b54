import type { ResourceState } from '../provisioners/resource-state.ts';

/** One node of the graph as a tick finds it. */
export interface GraphNode {
  id: string;
  dependsOn: readonly string[];
  /** Every object of the resource was applied. */
  applied: boolean;
  /** Meaningful only when applied. */
  state: ResourceState;
}

export type ProvisionStep =
  | { kind: 'apply'; ids: string[] }
  | { kind: 'wait'; message: string }
  | { kind: 'failed'; message: string }
  | { kind: 'complete' };

/**
 * Decide: pure and total. Whatever can be applied is applied, independent resources side by side; a failed resource
 * ends the operation; when all are ready the graph is complete.
 */
export function decideProvision(nodes: readonly GraphNode[]): ProvisionStep {
  const isReady = (node: GraphNode | undefined) => node?.applied === true && node.state.kind === 'ready';
  const byId = new Map(nodes.map((node) => [node.id, node]));

  for (const { applied, state } of nodes) {
    if (applied && state.kind === 'failed') return { kind: 'failed', message: state.message };
  }
  const appliable = nodes.filter(
    (node) => !node.applied && node.dependsOn.every((id) => isReady(byId.get(id))),
  );
  if (appliable.length > 0) return { kind: 'apply', ids: appliable.map(({ id }) => id) };
  for (const { applied, state } of nodes) {
    if (applied && state.kind === 'waiting') return { kind: 'wait', message: state.message };
  }
  return nodes.every(isReady)
    ? { kind: 'complete' }
    : { kind: 'failed', message: 'the resources of the plan wait for each other' };
}
