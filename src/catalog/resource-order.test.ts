import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orderResources, ResourceCycle } from './resource-order.ts';

const needs = (edges: Record<string, string[]>) =>
  new Map(Object.entries(edges).map(([id, needed]) => [id, new Set(needed)]));

it('puts each resource after what it needs and otherwise keeps the order of the file', () => {
  expect(orderResources(['a', 'b', 'c', 'd'], needs({ a: ['d'], b: [], c: ['a'] }))).toEqual([
    'd',
    'a',
    'b',
    'c',
  ]);
  expect(orderResources(['a', 'b'], needs({ a: ['plan', 'parameters'] }))).toEqual(['a', 'b']);
});

it('names a cycle', () => {
  expect(() => orderResources(['a', 'b', 'c'], needs({ a: ['b'], b: ['c'], c: ['b'] }))).toThrow(
    'the resources need each other: b -> c -> b',
  );
});

it('orders every graph without cycles', () => {
  const graph = fc
    .integer({ min: 1, max: 8 })
    .chain((size) =>
      fc.tuple(fc.constant(size), fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 20 })),
    );
  fc.assert(
    fc.property(graph, fc.boolean(), ([size, pairs], reversed) => {
      const ids = Array.from({ length: size }, (_, index) => `r${index}`);
      // An edge from a higher to a lower number only: no cycle can arise.
      const edges = pairs
        .filter(([from, to]) => from > to)
        .map(([from, to]) => [`r${from}`, `r${to}`] as const);
      const graphNeeds = new Map(
        ids.map((id) => [id, new Set(edges.filter(([from]) => from === id).map(([, to]) => to))]),
      );
      const order = orderResources(reversed ? [...ids].reverse() : ids, graphNeeds);
      expect([...order].sort()).toEqual([...ids].sort());
      for (const [from, to] of edges) expect(order.indexOf(to)).toBeLessThan(order.indexOf(from));
    }),
  );
  expect(new ResourceCycle(['a', 'a']).cycle).toEqual(['a', 'a']);
});
