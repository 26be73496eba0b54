import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { differingPaths } from './differing-paths.ts';

const object = (rest: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'thing', ...metadata },
  ...rest,
});

describe('paths of what differs', () => {
  test.each([
    ['a changed value', { spec: { a: 1 } }, { spec: { a: 2 } }, ['spec.a']],
    ['a value that is gone', { data: {} }, { data: { key: 'x' } }, ['data.key']],
    ['a key that is no plain word', { data: {} }, { data: { 'root.crt': 'x' } }, ['data["root.crt"]']],
    ['within a list', { ports: [{ port: 1 }] }, { ports: [{ port: 2 }] }, ['ports[0].port']],
    ['a list of another length', { args: ['a'] }, { args: ['a', 'b'] }, ['args']],
    ['something added, which is not named', { data: { hunter2: 'x' } }, { data: {} }, ['data']],
    ['another type', { spec: { a: '1' } }, { spec: { a: 1 } }, ['spec.a']],
    ['the order of keys, which is nothing', { a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }, []],
    ['the status, which is not ours', { status: { a: 1 } }, { status: { a: 2 } }, []],
  ])('%s', (_what, live, wanted, paths) => {
    expect(differingPaths(object(live), object(wanted))).toEqual(paths);
  });

  test('what the API server counts is no difference; labels are', () => {
    const live = object({}, { resourceVersion: '1', generation: 1, managedFields: [1], labels: { a: 'x' } });
    const wanted = object({}, { resourceVersion: '2', generation: 2, managedFields: [], labels: { a: 'y' } });
    expect(differingPaths(live, wanted)).toEqual(['metadata.labels.a']);
  });
});
