/** What charts/postgresql promises, seen in what it renders. Its behaviour in a pod is tried on the cluster. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { createHelm } from './create-helm.ts';
import { testHelmPath } from './test-helm.ts';
import type { Helm } from './types.ts';

const chartPath = path.resolve(import.meta.dirname, '../../charts/postgresql');
const admin = { existingSecret: 'i-abc-admin' };
let helm: Helm;

beforeAll(async () => {
  helm = createHelm({ helmPath: await testHelmPath() });
}, 60_000);

function render(values: JsonObject = {}): Promise<JsonObject[]> {
  return helm.render({
    chartPath,
    releaseName: 'i-abc-server',
    namespace: 'i-abc',
    values: { admin, ...values },
    kubeVersion: 'v1.34.4',
    apiVersions: [],
  });
}

async function renderKind(kind: string, values?: JsonObject): Promise<JsonObject> {
  const found = (await render(values)).find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

/** The value at a path such as `spec.template.spec`. */
function at(value: JsonValue | undefined, keys: string): JsonValue | undefined {
  return keys.split('.').reduce<JsonValue | undefined>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isJsonObject(inner) ? inner[key] : undefined;
  }, value);
}

it('makes these kinds, all named after the release, none of them a Secret', async () => {
  const objects = await render();
  expect(objects.map((object) => String(object.kind as string)).sort()).toEqual([
    'ConfigMap',
    'NetworkPolicy',
    'PersistentVolumeClaim',
    'Service',
    'ServiceAccount',
    'StatefulSet',
  ]);
  for (const object of objects) expect(at(object, 'metadata.name')).toBe('i-abc-server');
});

it('renders the same every time', async () => {
  expect(await render()).toEqual(await render());
});

describe('the pod', () => {
  it('passes the restricted pod security standard and more', async () => {
    const pod = at(
      await renderKind('StatefulSet', { uid: 1_000_700_000, gid: 1, fsGroup: 2 }),
      'spec.template.spec',
    );
    expect(at(pod, 'securityContext')).toEqual({
      runAsNonRoot: true,
      runAsUser: 1_000_700_000,
      runAsGroup: 1,
      fsGroup: 2,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(pod, 'containers.0.securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(at(pod, 'automountServiceAccountToken')).toBe(false);
    expect(at(pod, 'enableServiceLinks')).toBe(false);
    expect(at(await renderKind('ServiceAccount'), 'automountServiceAccountToken')).toBe(false);
  });

  it('runs as a uid that the image need not know', async () => {
    const config = await renderKind('ConfigMap', { uid: 1_000_700_000, gid: 77 });
    expect(at(config, 'data.passwd')).toContain('postgres:x:1000700000:77:');
  });

  it('keeps its data on a claim of its own, not on a template that could never change', async () => {
    const set = await renderKind('StatefulSet');
    expect(at(set, 'spec.volumeClaimTemplates')).toBeUndefined();
    expect(at(set, 'spec.template.spec.volumes.0')).toEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'i-abc-server' },
    });
    const claim = await renderKind('PersistentVolumeClaim', {
      storage: { size: '5Gi', storageClassName: 'fast' },
    });
    expect(at(claim, 'spec.resources.requests.storage')).toBe('5Gi');
    expect(at(claim, 'spec.storageClassName')).toBe('fast');
    expect(at(await renderKind('PersistentVolumeClaim'), 'spec.storageClassName')).toBeUndefined();
  });

  it('reads the password from the Secret that is named, as a file', async () => {
    const pod = at(await renderKind('StatefulSet'), 'spec.template.spec');
    expect(at(pod, 'volumes.2.secret')).toEqual({
      secretName: 'i-abc-admin',
      defaultMode: 0o440,
      items: [
        { key: 'username', path: 'username' },
        { key: 'password', path: 'password' },
      ],
    });
    expect(JSON.stringify(at(pod, 'containers.0.env'))).not.toMatch(/password/i);
  });

  it('is replaced when scripts or settings change, and only then', async () => {
    const checksum = async (values: JsonObject) =>
      (at(await renderKind('StatefulSet', values), 'spec.template.metadata.annotations') as JsonObject)[
        'checksum/config'
      ];
    const before = await checksum({});
    expect(await checksum({ settings: { work_mem: '8MB' } })).not.toBe(before);
    expect(await checksum({ storage: { size: '2Gi' } })).toBe(before);
  });

  it('takes the image by tag or by digest', async () => {
    const image = async (tag: string) =>
      at(
        await renderKind('StatefulSet', { image: { repository: 'chandler/postgresql', tag } }),
        'spec.template.spec.containers.0.image',
      );
    expect(await image('15')).toBe('chandler/postgresql:15');
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await image(digest)).toBe(`chandler/postgresql@${digest}`);
  });
});

it('offers its Service as the primary component, on the port named postgresql', async () => {
  const service = await renderKind('Service');
  expect((at(service, 'metadata.labels') as JsonObject)['app.kubernetes.io/component']).toBe('primary');
  expect(at(service, 'spec.ports.0')).toMatchObject({ name: 'postgresql', port: 5432 });
  const set = await renderKind('StatefulSet');
  expect(at(set, 'spec.template.metadata.labels')).toMatchObject(at(service, 'spec.selector') as JsonObject);
});

describe('the network policy', () => {
  const from = async (networkPolicy: JsonObject) =>
    at(
      await renderKind('NetworkPolicy', { networkPolicy: { enabled: true, ...networkPolicy } }),
      'spec.ingress.0.from',
    );
  const namespace = (name: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
  });

  it('admits the app’s namespace and Chandler’s, and nobody else', async () => {
    expect(await from({ appNamespace: 'shop', chandlerNamespace: 'chandler' })).toEqual([
      namespace('shop'),
      namespace('chandler'),
    ]);
    expect(await from({ appNamespace: 'shop', chandlerNamespace: 'shop' })).toEqual([namespace('shop')]);
    expect(await from({ appNamespace: 'shop' })).toEqual([namespace('shop')]);
  });

  it('admits every namespace of the cluster when no app is named', async () => {
    expect(await from({})).toEqual([{ namespaceSelector: {} }]);
  });

  it('lets the server call nobody', async () => {
    const policy = await renderKind('NetworkPolicy');
    expect(at(policy, 'spec.policyTypes')).toEqual(['Ingress', 'Egress']);
    expect(at(policy, 'spec.egress')).toEqual([]);
  });

  it('can be left out', async () => {
    await expect(renderKind('NetworkPolicy', { networkPolicy: { enabled: false } })).rejects.toThrow(
      'no NetworkPolicy',
    );
  });
});

it('quotes settings so that none can become two', async () => {
  const settings = { work_mem: '8MB', 'a.b': "it's \\", autovacuum: true, n: 1.5 };
  const data = (await renderKind('ConfigMap', { settings, maxConnections: 33 })).data as JsonObject;
  expect(data['postgresql.conf']).toContain('max_connections = 33\n');
  expect(data['postgresql.conf']).toContain(
    "a.b = 'it''s \\\\'\nautovacuum = on\nn = '1.5'\nwork_mem = '8MB'\n",
  );
});

describe('the schema refuses', () => {
  it.each<[string, JsonObject]>([
    ['an unknown value', { replicas: 2 }],
    ['an unknown value inside', { image: { registry: 'x' } }],
    ['a server without a Secret', { admin: { existingSecret: '' } }],
    ['a password in values', { admin: { existingSecret: 'a', password: 'x' } }],
    ['root', { uid: 0 }],
    ['a size that is none', { storage: { size: '1Gi; rm' } }],
    ['a size that is a number', { storage: { size: 5 } }],
    ['an image with a space', { image: { repository: 'a b' } }],
    ['a namespace that is none', { networkPolicy: { appNamespace: '../x' } }],
    ['a setting with two lines', { settings: { work_mem: '8MB\nfsync = off' } }],
    ['a setting whose name hides another', { settings: { 'work_mem = 1\nfsync': 'off' } }],
  ])('%s', async (_, values) => {
    await expect(render(values)).rejects.toThrow(/schema|additional|pattern|minimum|match/i);
  });
});
