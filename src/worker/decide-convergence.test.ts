import { describe, expect, it } from 'vitest';
import { type ConvergenceStep, decideConvergence, type GraphNode } from './decide-convergence.ts';

const ready = { kind: 'ready' } as const;
const waiting = { kind: 'waiting', message: 'server: waiting for StatefulSet: 0 of 1 ready' } as const;
const failed = { kind: 'failed', message: 'server: crashed' } as const;

function node(
  id: string,
  dependsOn: string[],
  applied: boolean,
  state: GraphNode['state'] = waiting,
): GraphNode {
  return { id, dependsOn, applied, state };
}

const cases: { reason: string; nodes: GraphNode[]; step: ConvergenceStep }[] = [
  {
    reason: 'nothing exists: the namespace comes first',
    nodes: [node('namespace', [], false), node('admin', ['namespace'], false)],
    step: { kind: 'apply', ids: ['namespace'] },
  },
  {
    reason: 'a resource waits until what it reads is ready, not merely applied',
    nodes: [node('namespace', [], true, waiting), node('admin', ['namespace'], false)],
    step: { kind: 'wait', message: waiting.message },
  },
  {
    reason: 'independent resources are applied side by side',
    nodes: [
      node('namespace', [], true, ready),
      node('a', ['namespace'], false),
      node('b', ['namespace'], false),
    ],
    step: { kind: 'apply', ids: ['a', 'b'] },
  },
  {
    reason: 'a slow resource does not hold up one that does not need it',
    nodes: [
      node('namespace', [], true, ready),
      node('slow', ['namespace'], true, waiting),
      node('free', ['namespace'], false),
      node('bound', ['namespace', 'slow'], false),
    ],
    step: { kind: 'apply', ids: ['free'] },
  },
  {
    reason: 'of several that are waited for, the one to be asked soonest says when',
    nodes: [
      node('a', [], true, waiting),
      node('b', [], true, { ...waiting, pollAfterMs: 500 }),
      node('c', [], true, { ...waiting, pollAfterMs: 200 }),
    ],
    step: { kind: 'wait', message: waiting.message, pollAfterMs: 200 },
  },
  {
    reason: 'a failed resource ends the operation even while others could go on',
    nodes: [
      node('namespace', [], true, ready),
      node('a', ['namespace'], true, failed),
      node('b', ['namespace'], false),
    ],
    step: { kind: 'failed', message: failed.message },
  },
  {
    reason: 'all ready is complete',
    nodes: [node('namespace', [], true, ready), node('a', ['namespace'], true, ready)],
    step: { kind: 'complete' },
  },
  {
    reason: 'a cycle is told, not waited for',
    nodes: [node('a', ['b'], false), node('b', ['a'], false)],
    step: { kind: 'failed', message: 'the resources of the plan wait for each other' },
  },
];

describe('decideConvergence', () => {
  it.each(cases)('$reason', ({ nodes, step }) => {
    expect(decideConvergence(nodes)).toEqual(step);
  });
});
