import { expect, test } from 'vitest';
import { reduceObject } from './reduce-object.ts';
import type { KubeObject } from './types.ts';

const metadata = {
  name: 'db',
  namespace: 'team',
  uid: 'u',
  labels: { a: 'b' },
  annotations: { kept: 'yes', 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"hunter2"}' },
  managedFields: [{ manager: 'chandler' }],
};
const reducedMetadata = {
  name: 'db',
  namespace: 'team',
  uid: 'u',
  labels: { a: 'b' },
  annotations: { kept: 'yes' },
};

test('metadata, spec and status stay; bookkeeping and everything else goes', () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { port: 1 },
    status: { ok: true },
    other: 1,
  };
  expect(reduceObject(service)).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: reducedMetadata,
    spec: { port: 1 },
    status: { ok: true },
  });
});

test.each(['Secret', 'ConfigMap'])('of a %s nothing but metadata stays', (kind) => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind,
    metadata,
    type: 't',
    data: { p: 'hunter2' },
    spec: { a: 1 },
  };
  expect(reduceObject(object)).toEqual({ apiVersion: 'v1', kind, metadata: reducedMetadata });
});

test('literal values of environment variables go, references stay, and the input is left as it was', () => {
  const env = [
    { name: 'PASSWORD', value: 'hunter2' },
    { name: 'USER', valueFrom: { secretKeyRef: { name: 's', key: 'value' } } },
  ];
  const object: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { template: { spec: { containers: [{ name: 'c', env, args: [{ value: 'kept' }] }] } } },
  };
  const before = structuredClone(object);
  const reduced = reduceObject(object);
  expect(reduced.spec).toEqual({
    template: {
      spec: { containers: [{ name: 'c', env: [{ name: 'PASSWORD' }, env[1]], args: [{ value: 'kept' }] }] },
    },
  });
  expect(object).toEqual(before);
});
