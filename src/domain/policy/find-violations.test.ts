import { describe, expect, it, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../lib/json.ts';
import { findViolations } from './find-violations.ts';
import { clusterScopedKinds } from './kinds.ts';
import type { PlanPolicy, PolicyQuestion } from './types.ts';

const instance = { name: 'i-abc', namespace: 'i-abc' };

function check(objects: JsonObject[], policy: PlanPolicy = {}, rest: Partial<PolicyQuestion> = {}) {
  return findViolations(objects, {
    policy,
    instance,
    hooks: 'refused',
    kinds: 'listed',
    isNamespaced: (kind) => (clusterScopedKinds.includes(kind) ? false : undefined),
    ...rest,
  });
}

const object = (apiVersion: string, kind: string, rest: JsonObject = {}): JsonObject => ({
  apiVersion,
  kind,
  metadata: { name: 'odd' },
  ...rest,
});
const rbac = (kind: string, rest: JsonObject) => object('rbac.authorization.k8s.io/v1', kind, rest);
const pod = (spec: JsonObject) => object('v1', 'Pod', { spec });
const custom = (spec: JsonObject) => object('example.com/v1', 'Database', { spec });
const customPolicy: PlanPolicy = { kinds: ['example.com/Database'] };

describe('pods', () => {
  const hostPath: JsonObject = {
    volumes: [{ name: 'v', hostPath: { path: '/' } }],
    containers: [{ name: 'c' }],
  };
  const places: [string, string, JsonObject][] = [
    ['v1', 'Pod', { spec: hostPath }],
    ['v1', 'PodTemplate', { template: { spec: hostPath } }],
    ['v1', 'ReplicationController', { spec: { template: { spec: hostPath } } }],
    ['apps/v1', 'Deployment', { spec: { template: { spec: hostPath } } }],
    ['apps/v1', 'StatefulSet', { spec: { template: { spec: hostPath } } }],
    ['apps/v1', 'DaemonSet', { spec: { template: { spec: hostPath } } }],
    ['apps/v1', 'ReplicaSet', { spec: { template: { spec: hostPath } } }],
    ['batch/v1', 'Job', { spec: { template: { spec: hostPath } } }],
    ['batch/v1', 'CronJob', { spec: { jobTemplate: { spec: { template: { spec: hostPath } } } } }],
    // Kinds that we do not know hold pods wherever they like.
    ['example.com/v1', 'Job', { spec: { tasks: [{ replicas: 1, template: { spec: hostPath } }] } }],
  ];
  test.each(places)('are looked at in a %s %s', (apiVersion, kind, rest) => {
    const policy = { kinds: ['example.com/Job', 'PodTemplate'] };
    expect(check([object(apiVersion, kind, rest)], policy)).toContain(
      `${kind} odd mounts a path of the node`,
    );
    expect(check([object(apiVersion, kind, rest)], { ...policy, allow: ['hostPath'] })).toBeUndefined();
  });

  test.each<[string, JsonObject]>([
    ['containers', { containers: [{ name: 'c', securityContext: { privileged: true } }] }],
    ['initContainers', { initContainers: [{ name: 'c', securityContext: { privileged: true } }] }],
    ['ephemeralContainers', { ephemeralContainers: [{ name: 'c', securityContext: { privileged: true } }] }],
    ['a word that is no boolean', { containers: [{ name: 'c', securityContext: { privileged: 'yes' } }] }],
    ['a Windows host process', { securityContext: { windowsOptions: { hostProcess: true } } }],
    [
      'one in a container',
      { containers: [{ name: 'c', securityContext: { windowsOptions: { hostProcess: true } } }] },
    ],
  ])('may not be privileged: %s', (_what, spec) => {
    expect(check([pod(spec)])).toContain('(allowed by policy.allow: [privileged])');
  });

  it('may say that they want nothing of their node', () => {
    const spec: JsonObject = {
      hostNetwork: false,
      hostPID: null,
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          ports: [{ containerPort: 80, hostPort: 0 }],
          securityContext: { privileged: false, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
        },
      ],
    };
    expect(check([pod(spec)])).toBeUndefined();
  });

  it('are searched for however deep they lie', () => {
    let spec: JsonObject = hostPath;
    for (let depth = 0; depth < 50_000; depth += 1) spec = { spec };
    expect(check([custom(spec)], customPolicy)).toContain('Database odd mounts a path of the node');
  });
});

describe('images', () => {
  const says = (image: JsonValue, policy: PlanPolicy) =>
    check([pod({ containers: [{ name: 'c', image }] })], policy);
  const digest = `@sha256:${'a'.repeat(64)}`;

  test.each([
    ['postgres', 'docker.io/library'],
    ['postgres:17', 'docker.io/library'],
    ['postgres:17', 'docker.io'],
    ['library/postgres', 'docker.io/library/postgres'],
    ['docker.io/postgres', 'docker.io/library'],
    ['index.docker.io/library/postgres', 'docker.io/library'],
    ['bitnami/postgresql:17', 'docker.io/bitnami'],
    ['ghcr.io/cloudnative-pg/postgresql:17.6', 'ghcr.io/cloudnative-pg'],
    ['localhost/a/b', 'localhost'],
    ['registry.example.com:5000/team/db', 'registry.example.com:5000/team'],
    [`registry:5000/db:1${digest}`, 'registry:5000'],
  ])('%s comes from %s', (image, registry) => {
    expect(says(image, { registries: [registry] })).toBeUndefined();
  });

  test.each([
    ['postgres', 'ghcr.io'],
    ['evil/postgres', 'docker.io/library'],
    ['ghcr.io/cloudnative-pg-evil/x', 'ghcr.io/cloudnative-pg'],
    ['ghcr.io.example.com/cloudnative-pg/x', 'ghcr.io'],
    ['GHCR.io/x', 'ghcr.io'],
    ['registry.example.com/x', 'registry.example.com:5000'],
    ['docker.io:443/library/x', 'docker.io/library'],
  ])('%s does not come from %s', (image, registry) => {
    expect(says(image, { registries: [registry] })).toContain('from a registry that the plan does not list');
  });

  test.each([
    ['docker.io/library/../evil/x'],
    ['docker.io//library/x'],
    [' postgres'],
    ['postgres:17\n'],
    ['POSTGRES'],
    [`sha256:${'a'.repeat(64)}`],
    ['a'.repeat(64)],
    [''],
  ])('%j is no image reference, and then nothing of the kind is allowed', (image) => {
    expect(says(image, { registries: ['docker.io'] })).toContain('which is no image reference');
    expect(says(image, { requireDigest: true })).toContain('which is no image reference');
  });

  it('need a digest where the plan says so, with a tag or without', () => {
    const policy = { requireDigest: true };
    expect(says('postgres:17', policy)).toContain('uses the image postgres:17 without a digest');
    expect(says('postgres@sha256:abc', policy)).toContain('no image reference');
    expect(says(`postgres${digest}`, policy)).toBeUndefined();
    expect(says(`postgres:17${digest}`, policy)).toBeUndefined();
    expect(says('postgres:17', { requireDigest: false })).toBeUndefined();
  });

  it('of custom resources are seen where these hold containers, and nowhere else', () => {
    const policy = { ...customPolicy, registries: ['ghcr.io'] };
    expect(check([custom({ containers: [{ name: 'c', image: 'evil' }] })], policy)).toContain('evil');
    expect(check([custom({ imageName: 'evil' })], policy)).toBeUndefined();
  });
});

describe('rights', () => {
  const role = (rule: JsonObject, kind = 'Role') => rbac(kind, { rules: [rule] });
  test.each<[string, JsonObject, string]>([
    ['all verbs', role({ apiGroups: [''], resources: ['pods'], verbs: ['*'] }), 'wildcard (verbs)'],
    ['all groups', role({ apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }), 'wildcard (apiGroups)'],
    [
      'all subresources',
      role({ apiGroups: [''], resources: ['*/scale'], verbs: ['get'] }),
      'wildcard (resources)',
    ],
    ['bind', role({ verbs: ['bind', 'get'] }), 'gives the verb bind'],
    ['impersonate', role({ verbs: ['impersonate'] }), 'gives the verb impersonate'],
  ])('may not be %s', (_what, odd, words) => {
    expect(check([odd])).toContain(words);
  });

  it('may not be gathered from other ClusterRoles, nor added to them', () => {
    const policy = { clusterScoped: ['rbac.authorization.k8s.io/ClusterRole'] };
    const metadata: JsonObject = { name: 'i-abc-a' };
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' };
    const urls = { nonResourceURLs: ['/metrics/*'], verbs: ['get'] };
    expect(check([rbac('ClusterRole', { metadata, aggregationRule: {} })], policy)).toContain(
      'gathers the rights',
    );
    expect(check([rbac('ClusterRole', { metadata: { ...metadata, labels } })], policy)).toContain(
      'adds to the rights',
    );
    expect(check([rbac('ClusterRole', { metadata, rules: [urls] })], policy)).toContain('(nonResourceURLs)');
    expect(check([rbac('ClusterRole', { metadata })], policy)).toBeUndefined();
  });

  it('may be those of a ClusterRole of the instance itself, for ServiceAccounts of its namespace', () => {
    const subjects = [
      { kind: 'ServiceAccount', name: 'a', namespace: 'i-abc' },
      { kind: 'ServiceAccount', name: 'b' },
    ];
    const roleRef = { kind: 'ClusterRole', name: 'i-abc-server' };
    expect(check([rbac('RoleBinding', { roleRef, subjects })])).toBeUndefined();
  });
});

describe('scope', () => {
  it('is what the cluster says it is, whatever the plan does', () => {
    const policy = { kinds: ['example.com/Database'] };
    expect(check([custom({})], policy, { isNamespaced: () => true })).toBeUndefined();
    expect(check([custom({})], policy, { isNamespaced: () => false })).toContain(
      'Database odd is cluster-scoped (allowed by policy.clusterScoped: [example.com/Database])',
    );
    const odd = { clusterScoped: ['Secret'] };
    expect(
      check([object('v1', 'Secret', { metadata: { name: 'i-abc' } })], odd, { isNamespaced: () => true }),
    ).toBeUndefined();
  });

  it('lets a plan make what is written in it, within its namespace and its other rules', () => {
    const written = { kinds: 'written' } as const;
    expect(check([custom({})], {}, written)).toBeUndefined();
    expect(check([object('v1', 'Namespace')], {}, written)).toContain('is cluster-scoped');
    expect(check([object('v1', 'Service', { spec: { type: 'NodePort' } })], {}, written)).toContain(
      'NodePort',
    );
    const elsewhere = custom({});
    expect(check([{ ...elsewhere, metadata: { name: 'odd', namespace: 'app' } }], {}, written)).toContain(
      '(app)',
    );
  });

  it('leaves hooks to a mode that runs them, and then looks at what they are', () => {
    const hook = object('v1', 'Service', {
      metadata: { name: 'odd', annotations: { 'helm.sh/hook': 'pre-install' } },
      spec: { type: 'NodePort' },
    });
    expect(check([hook])).toContain('is a Helm hook');
    const checked = check([hook], {}, { hooks: 'checked' });
    expect(checked).not.toContain('is a Helm hook');
    expect(checked).toContain('is of type NodePort');
  });

  it('of a volume that is a path of a node is the node', () => {
    const volume = object('v1', 'PersistentVolume', {
      metadata: { name: 'i-abc-data' },
      spec: { hostPath: { path: '/' } },
    });
    expect(check([volume], { clusterScoped: ['PersistentVolume'] })).toContain(
      'is a path of a node (hostPath)',
    );
  });
});

describe('the sentence', () => {
  it('names every object with everything it breaks, each once, and counts what is too much', () => {
    const service = object('v1', 'Service', { spec: { type: 'NodePort', externalIPs: ['192.0.2.1'] } });
    expect(check([service, service])).toBe(
      'The policy of the plan forbids: Service odd is of type NodePort (allowed by policy.allow: [NodePort]); ' +
        'Service odd takes external addresses (externalIPs ["192.0.2.1"]) (allowed by policy.allow: [externalIPs]).',
    );
    const many = Array.from({ length: 100 }, (_, index) => object('v1', `Kind${index}`));
    expect(check(many)).toMatch(/Kind5 .*; and 94 more\.$/);
  });

  it('stays one short line whatever the chart calls its objects', () => {
    const odd = object('v1', 'Odd\nkind', { metadata: { name: 'x'.repeat(10_000) } });
    const sentence = check([odd]) ?? '';
    expect(sentence).not.toContain('\n');
    expect(sentence.length).toBeLessThan(500);
  });

  test.each<[string, JsonObject]>([
    ['nothing', { apiVersion: 'v1', kind: 'Pod' }],
    ['null', { apiVersion: 'v1', kind: 'Pod', metadata: null, spec: null }],
    ['texts', { apiVersion: 'v1', kind: 'Pod', metadata: 'a', spec: 'b' }],
    ['lists', { apiVersion: 'v1', kind: 'Service', metadata: [], spec: [[]] }],
    ['lists of odd things', pod({ containers: [null, 'a', [1]], volumes: { a: 1 } })],
    ['odd rules', rbac('Role', { rules: [null, { verbs: 'get' }, { verbs: [1] }] })],
  ])(
    'is none for an object that holds %s where something else belongs: Kubernetes will say',
    (_what, odd) => {
      expect(check([odd])).toBeUndefined();
    },
  );
});

it.each(['constructor', 'toString', '__proto__'])('a kind may be called %s', (kind) => {
  expect(check([object('v1', kind)])).toMatch(/is of a kind that the plan does not list/);
});
