import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../domain/errors.ts';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { identityLabels } from '../lib/labels.ts';
import { applyObject, objectDigest } from './apply-object.ts';
import type { InstanceTarget } from './types.ts';

const identity = { installationId: 'installation', instanceUid: 'instance' };
let cluster: FakeCluster;
let target: InstanceTarget;
beforeEach(() => {
  cluster = new FakeCluster();
  cluster.addNamespace('own');
  target = { cluster, identity, namespace: 'own' } as unknown as InstanceTarget;
});
afterEach(() => cluster.close());

const service: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 5432 }] } },
  metadata: { name: 'db', namespace: 'own', labels: identityLabels({ ...identity, resourceId: 'server' }) },
};
const namespace: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'Namespace' },
  metadata: { name: 'new', labels: identityLabels(identity) },
};
const verbs = () => cluster.requests.map(({ verb }) => verb);
const find = (kind: string, name: string) =>
  cluster.all().find((object) => object.kind === kind && object.metadata.name === name);

describe('applyObject', () => {
  test('in the namespace of the instance looks first, then applies, and tells uid, digest and generation', async () => {
    const applied = await applyObject(service, undefined, target);
    expect(verbs()).toEqual(['get', 'apply']);
    expect(applied).toEqual({
      objectUid: find('Service', 'db')?.metadata.uid,
      appliedDigest: objectDigest(service),
      appliedGeneration: 1,
    });
  });

  test('outside of it makes the object bare first, so that it is new or known to be ours', async () => {
    const { objectUid } = await applyObject(namespace, undefined, target);
    expect(verbs()).toEqual(['create', 'apply']);
    expect(find('Namespace', 'new')?.metadata.uid).toBe(objectUid);
  });

  test.each([
    ['in the namespace of the instance', service],
    ['outside of it', namespace],
  ])('again, after an apply that nobody recorded, %s, keeps the object', async (_where, object) => {
    const first = await applyObject(object, undefined, target);
    expect(await applyObject(object, undefined, target)).toEqual(first);
  });

  test('of a known object does not look, and never brings back one that was deleted meanwhile', async () => {
    const { objectUid } = await applyObject(service, undefined, target);
    cluster.requests.splice(0);
    const changed = { ...service, spec: { ports: [{ port: 1 }] } };
    expect(await applyObject(changed, objectUid, target)).toMatchObject({ objectUid, appliedGeneration: 2 });
    expect(verbs()).toEqual(['apply']);

    cluster.vanish({ apiVersion: 'v1', kind: 'Service', namespace: 'own', name: 'db' });
    await expect(applyObject(changed, objectUid, target)).rejects.toMatchObject({ code: 'ApplyRejected' });
    expect(find('Service', 'db')).toBeUndefined();
  });

  test.each<[string, Record<string, string>]>([
    ['has no labels', {}],
    ['belongs to another instance', identityLabels({ ...identity, instanceUid: 'another' })],
    ['belongs to another Chandler', identityLabels({ ...identity, installationId: 'another' })],
  ])('does not touch an object of the same name that %s', async (_what, labels) => {
    for (const object of [service, namespace]) {
      const { apiVersion, kind, metadata } = object;
      const theirs = await cluster.create({ apiVersion, kind, metadata: { ...metadata, labels } });
      const applied = applyObject(object, undefined, target);
      await expect(applied).rejects.toMatchObject({ code: 'AdoptionRefused' });
      await expect(applied).rejects.toThrow(`${kind} ${metadata.name} exists already`);
      expect(find(kind, metadata.name)).toEqual(theirs);
    }
  });

  test('treats a Pod Security warning as the refusal it is, and minds no other', async () => {
    cluster.warnings = ['unknown field "spec.typo"'];
    await applyObject(service, undefined, target);
    cluster.warnings = ['would violate PodSecurity "restricted:latest": runAsNonRoot != true'];
    const applied = applyObject(service, undefined, target);
    await expect(applied).rejects.toMatchObject({ code: 'ApplyRejected' });
    await expect(applied).rejects.toThrow('Service db cannot run: would violate PodSecurity');
  });

  test.each<[KubeError, ErrorCode, string]>([
    [
      new KubeError(422, 'Invalid', 'spec.ports: Required value\nmore'),
      'ApplyRejected',
      'spec.ports: Required value',
    ],
    [new KubeError(403, 'Forbidden', 'exceeded quota'), 'ApplyRejected', 'exceeded quota'],
    [new KubeError(401, 'Unauthorized', 'token'), 'ClusterUnreachable', 'does not answer'],
    [new KubeError(429, 'TooManyRequests', 'slow'), 'ClusterUnreachable', 'does not answer'],
    [new KubeError(500, 'InternalError', 'etcd'), 'ClusterUnreachable', 'does not answer'],
    [new KubeError(0, 'ConnectionLost', 'reset'), 'ClusterUnreachable', 'does not answer'],
  ])('turns %s into %s', async (error, code, words) => {
    for (const verb of ['get', 'apply']) {
      cluster.failNext((request) => request.verb === verb, error);
      const applied = applyObject(service, undefined, target);
      await expect(applied).rejects.toMatchObject({ code });
      await expect(applied).rejects.toThrow(words);
      await expect(applied).rejects.not.toThrow('more');
    }
  });
});

describe('objectDigest', () => {
  test('does not depend on the order of keys, but on every value', () => {
    const { metadata, spec, kind, apiVersion } = service;
    expect(objectDigest({ spec, metadata, kind, apiVersion })).toBe(objectDigest(service));
    expect(objectDigest({ ...service, spec: { ports: [{ port: 5433 }] } })).not.toBe(objectDigest(service));
  });
});
