import { beforeEach, describe, expect, test } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { identityLabels } from '../lib/labels.ts';
import { Redacted } from '../lib/redacted.ts';
import { createDelivery } from './kubernetes-delivery.ts';
import type { DeliveryTarget } from './types.ts';

const delivery = createDelivery();
let cluster: FakeCluster;
let target: DeliveryTarget;

beforeEach(() => {
  cluster = new FakeCluster();
  cluster.addNamespace('team');
  target = {
    cluster,
    namespace: 'team',
    name: 'b-abc',
    labels: identityLabels({ installationId: 'inst', instanceUid: 'i1', bindingUid: 'b1' }),
    annotations: { 'chandler.dev/binding-id': 'ünïcode / 🐘' },
    type: 'postgresql',
  };
});

const credentials: JsonObject = {
  host: 'db.i-1.svc',
  port: 5432,
  database: 'd',
  sslmode: 'require',
  username: 'b-abc',
  password: 'hunter2-hunter2',
  uri: 'postgresql://b-abc:hunter2-hunter2@db.i-1.svc:5432/d',
  'jdbc-url': 'jdbc:postgresql://db.i-1.svc:5432/d?user=b-abc&password=hunter2-hunter2',
  'root.crt': '-----BEGIN CERTIFICATE-----',
  tls: true,
  nothing: null,
  options: { search_path: ['a', 'b'] },
};

const deliver = (values: JsonObject = credentials) => delivery.deliver(target, new Redacted(values));
const read = (kind: string) => cluster.get({ apiVersion: 'v1', kind, namespace: 'team', name: 'b-abc' });
const writes = () => cluster.requests.filter(({ verb }) => ['create', 'apply', 'delete'].includes(verb));

async function secretEntries(): Promise<Record<string, string>> {
  const data = ((await read('Secret'))?.data ?? {}) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('it did not fail'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ChandlerError);
  expect((error as ChandlerError).message).not.toContain('hunter2');
  return (error as ChandlerError).code;
}

function foreign(kind: string, labels: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name: 'b-abc', namespace: 'team', labels },
    data: { theirs: 'eA==' },
  };
}

describe('delivery', () => {
  test('writes a Secret with everything and a ConfigMap with what is not secret, both marked as ours', async () => {
    await deliver();
    const { nothing: _left, options: _json, port: _port, tls: _tls, ...texts } = credentials;
    expect(await secretEntries()).toEqual({
      ...texts,
      port: '5432',
      tls: 'true',
      options: '{"search_path":["a","b"]}',
      type: 'postgresql',
      provider: 'chandler',
    });
    const [secret, configMap] = [await read('Secret'), await read('ConfigMap')];
    expect(secret?.type).toBe('servicebinding.io/postgresql');
    expect(configMap?.data).toEqual({
      type: 'postgresql',
      provider: 'chandler',
      host: 'db.i-1.svc',
      port: '5432',
      database: 'd',
      sslmode: 'require',
    });
    for (const object of [secret, configMap]) {
      expect(object?.metadata.labels).toEqual(target.labels);
      expect(object?.metadata.annotations).toEqual(target.annotations);
    }
  });

  test('puts no credential into the ConfigMap, not even one that hides under a name we do not know', async () => {
    await deliver({ ...credentials, adminToken: 'hunter2-hunter2', type: 'lies' });
    const text = JSON.stringify(await read('ConfigMap'));
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('b-abc@');
    expect(text).not.toContain('lies');
  });

  test('delivered again it changes nothing; with other credentials it replaces and prunes', async () => {
    await deliver();
    const first = await read('Secret');
    await deliver();
    expect((await read('Secret'))?.metadata.resourceVersion).toBe(first?.metadata.resourceVersion);
    await deliver({ host: 'other', username: 'b-abc' });
    expect(await secretEntries()).toEqual({
      host: 'other',
      username: 'b-abc',
      type: 'postgresql',
      provider: 'chandler',
    });
    expect((await read('Secret'))?.metadata.uid).toBe(first?.metadata.uid);
  });

  test('goes to a place that is free or ours', async () => {
    await delivery.assertClaimable(target);
    await deliver();
    await delivery.assertClaimable(target);
  });

  test('takes up where a worker died between the bare object and its content', async () => {
    cluster.failNext(({ verb }) => verb === 'apply', new KubeError(0, 'ConnectionLost', 'gone'));
    expect(await codeOf(deliver())).toBe('ClusterUnreachable');
    expect(await secretEntries()).toEqual({});
    await deliver();
    expect((await secretEntries()).password).toBe('hunter2-hunter2');
  });

  test.each([
    ['somebody else', {}],
    [
      'another installation',
      identityLabels({ installationId: 'staging', instanceUid: 'i1', bindingUid: 'b1' }),
    ],
    ['another binding', identityLabels({ installationId: 'inst', instanceUid: 'i1', bindingUid: 'b2' })],
  ])('never touches an object of %s', async (_whose, labels) => {
    for (const kind of ['Secret', 'ConfigMap']) {
      cluster.vanish({ apiVersion: 'v1', kind: 'Secret', namespace: 'team', name: 'b-abc' });
      const theirs = await cluster.create(foreign(kind, labels));
      expect(await codeOf(deliver())).toBe('AdoptionRefused');
      const from = writes().length;
      expect(await codeOf(delivery.assertClaimable(target))).toBe('AdoptionRefused');
      expect(writes()).toHaveLength(from);
      await delivery.withdraw(target);
      expect(await read(kind)).toEqual(theirs);
    }
  });

  test('what is deleted between its creation and its content is not brought back by applying, but made anew', async () => {
    let vanished = false;
    cluster.failNext(
      ({ verb, reference }) => {
        if (verb === 'apply' && !vanished) cluster.vanish(reference);
        vanished ||= verb === 'apply';
        return false;
      },
      new KubeError(0, '', 'never thrown'),
    );
    await deliver();
    expect((await secretEntries()).host).toBe('db.i-1.svc');
    const onSecret = writes().filter(({ reference }) => reference.kind === 'Secret');
    expect(onSecret.map(({ verb }) => verb)).toEqual(['create', 'apply', 'create', 'apply']);
  });

  test('an earlier life that is still being deleted is waited for, not applied to', async () => {
    const own = foreign('Secret', target.labels);
    const held = { ...own, metadata: { ...own.metadata, finalizers: ['example.com/hold'] } };
    const { metadata } = await cluster.create(held);
    const reference = { apiVersion: 'v1', kind: 'Secret', namespace: 'team', name: 'b-abc' };
    await cluster.delete(reference, { uid: metadata.uid ?? '' });
    expect(await codeOf(deliver())).toBe('ClusterUnreachable');
    cluster.removeFinalizers(reference);
    await deliver();
    expect((await secretEntries()).host).toBe('db.i-1.svc');
  });

  test.each([
    ['a/b', 'x'],
    ['', 'x'],
    ['..', 'x'],
    ['..data', 'x'],
    ['k'.repeat(254), 'x'],
    ['ключ', 'x'],
    ['big', 'x'.repeat(1024 * 1024)],
  ])('refuses the entry %.20s before anything is written', async (key, value) => {
    expect(await codeOf(deliver({ ...credentials, [key]: value }))).toBe('DeliveryRejected');
    expect(cluster.requests).toEqual([]);
  });

  test('accepts the longest name and nearly all of the space', async () => {
    await deliver({ ['k'.repeat(253)]: 'x'.repeat(1024 * 1024 - 1000) });
    expect(Object.keys(await secretEntries())).toHaveLength(3);
  });

  test('a namespace that is missing or on its way out is named as such', async () => {
    expect(
      await codeOf(delivery.deliver({ ...target, namespace: 'absent' }, new Redacted(credentials))),
    ).toBe('NamespaceMissing');
    const going = new FakeCluster({ namespaceDeletionMs: 60_000 });
    going.addNamespace('team');
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'team' };
    const uid = (await going.get(namespace))?.metadata.uid ?? '';
    await going.delete(namespace, { uid });
    expect(await codeOf(delivery.deliver({ ...target, cluster: going }, new Redacted(credentials)))).toBe(
      'NamespaceMissing',
    );
    await going.close();
  });

  test.each([
    [new KubeError(503, '', 'down'), 'ClusterUnreachable'],
    [new KubeError(0, 'NoAnswer', 'no answer'), 'ClusterUnreachable'],
    [new KubeError(401, 'Unauthorized', 'no'), 'ClusterUnreachable'],
    [new KubeError(403, 'Forbidden', 'User "system:serviceaccount:x" cannot create'), 'DeliveryRejected'],
    [new KubeError(422, 'Invalid', 'data: hunter2'), 'DeliveryRejected'],
  ])('%s becomes %s', async (error, code) => {
    cluster.failNext(({ verb }) => verb === 'create', error);
    expect(await codeOf(deliver())).toBe(code);
    await deliver();
    cluster.failNext(({ verb }) => verb === 'delete', error);
    expect(await codeOf(delivery.withdraw(target))).toBe(code);
  });

  test('a used-up quota is said in words a developer understands', async () => {
    const refused = new KubeError(
      403,
      'Forbidden',
      'secrets "b-abc" is forbidden: exceeded quota: q, requested: 1',
    );
    cluster.failNext(({ verb }) => verb === 'create', refused);
    await expect(deliver()).rejects.toThrow(/quota of the namespace is used up/);
  });
});

describe('withdrawal', () => {
  test('removes both, and is content when they are gone', async () => {
    await deliver();
    await delivery.withdraw(target);
    expect([await read('Secret'), await read('ConfigMap')]).toEqual([undefined, undefined]);
    const before = writes().length;
    await delivery.withdraw(target);
    await delivery.withdraw({ ...target, namespace: 'absent' });
    expect(writes()).toHaveLength(before);
  });

  test('removes nothing when it was not told whose binding it serves', async () => {
    const labels = identityLabels({ installationId: 'inst', instanceUid: 'i1' });
    await cluster.create(foreign('Secret', labels));
    await delivery.withdraw({ ...target, labels });
    expect(await read('Secret')).toBeDefined();
  });
});
