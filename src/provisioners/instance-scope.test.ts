// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../domain/instance.ts';
import type { BindSpec, PlanRevision, ResourceSpec } from '../domain/offering.ts';
import type { KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import { Redacted } from '../lib/redacted.ts';
import {
  adminLogin,
  instanceScope,
  renderTree,
  resourceDependencies,
  unmetCondition,
} from './instance-scope.ts';

const admin: ResourceSpec = {
  ...{ id: 'admin', kind: 'secret', readyWhen: [] },
  data: { username: 'chandler_admin', password: '${generated.admin.password}' },
};
const server: ResourceSpec = {
  ...{ id: 'server', kind: 'helm', chartDigest: 'digest', chartName: 'postgresql', readyWhen: [] },
  values: { existingSecret: '${admin.name}', storage: '${parameters.storage}', cpu: '${plan.cpu}' },
};
const bind: BindSpec = {
  ...{ engine: 'postgresql', admin: 'admin', connectionLimit: -1 },
  ...{ rotatable: true, requiresApp: false, attachments: {} },
};
const revision = {
  set: { cpu: '250m' },
  parameterDefaults: { storage: '1Gi', replicas: 1 },
  resources: [admin, server],
  outputs: {},
  bind,
} as unknown as PlanRevision;
const instance = {
  ...{ externalName: 'i-abc', namespace: 'i-abc', platform: 'kubernetes', contextNamespace: 'team' },
  parameters: { storage: '5Gi' },
  generated: new Redacted({ admin: { password: 'generated password' } }),
} as unknown as ServiceInstance;
const service: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'Service' },
  metadata: {
    ...{ name: 'i-abc-server', namespace: 'i-abc' },
    labels: { [labelKeys.resource]: 'server', 'app.kubernetes.io/component': 'primary' },
  },
  spec: { ports: [{ port: 5432 }, { port: 9187 }] },
};
const scope = (observed: KubeObject[] = [service]) => instanceScope(instance, revision, observed);
const rendered = (text: string, observed?: KubeObject[]) => renderTree(text, scope(observed), 'a test');

describe('what expressions read', () => {
  test.each([
    ['${plan.cpu}', '250m'],
    ['${parameters.storage}', '5Gi'],
    ['${parameters.replicas}', 1],
    ['${generated.admin.password}', 'generated password'],
    ['${instance.name} in ${instance.namespace} of ${instance.platform}', 'i-abc in i-abc of kubernetes'],
    ['${instance.contextNamespace}', 'team'],
    ['${admin.name}', 'i-abc-admin'],
    ['${server.services.primary.host}', 'i-abc-server.i-abc.svc'],
    ['${server.services.primary.port}', 5432],
  ])('%s is %s', (text, value) => {
    expect(rendered(text)).toBe(value);
  });

  test('a resource outside of clusters is its name and what its provisioner tells', () => {
    const external: ResourceSpec = {
      ...{ id: 'bucket', kind: 'external', provisioner: 'fake', inputs: {}, readyWhen: [] },
    };
    const mixed = { ...revision, resources: [...revision.resources, external] };
    const outputs = new Map([['bucket', { endpoint: 'https://b', name: 'not its own' }]]);
    const text = '${bucket.name} at ${bucket.endpoint}';
    expect(renderTree(text, instanceScope(instance, mixed, [], outputs), 'a test')).toBe(
      'i-abc-bucket at https://b',
    );
    expect(renderTree(text, instanceScope(instance, mixed, []), 'a test')).toBeUndefined();
  });

  test('what does not exist yet is waited for, and no failure', () => {
    expect(rendered('${server.services.primary.host}', [])).toBeUndefined();
  });

  test('what cannot be evaluated is the fault of the plan, and says where', () => {
    expect(() => renderTree({ port: '${1 / 0}' }, scope(), 'outputs')).toThrow(
      expect.objectContaining({ code: 'TemplateFailed', message: expect.stringContaining('outputs') }),
    );
  });

  test('a value of a user that looks like an expression stays what it is', () => {
    const hostile = { ...instance, parameters: { storage: '${generated.admin.password}' } };
    const given = instanceScope(hostile, revision, []);
    expect(renderTree('${parameters.storage}', given, 'a test')).toBe('${generated.admin.password}');
  });
});

describe('resourceDependencies', () => {
  test('are the resources that the expressions read, not those they do not', () => {
    const third: ResourceSpec = {
      ...server,
      id: 'third',
      values: { url: '${server.services.primary.host}' },
    };
    const external: ResourceSpec = {
      ...{ id: 'fourth', kind: 'external', provisioner: 'fake', readyWhen: [] },
      inputs: { login: '${admin.name}', after: '${third.name}' },
    };
    const resources = [admin, server, third, external];
    expect(resources.map((spec) => resourceDependencies(spec, resources))).toEqual([
      [],
      ['admin'],
      ['server'],
      ['admin', 'third'],
    ]);
  });

  test('a resource that reads itself does not wait for itself', () => {
    expect(resourceDependencies({ ...server, values: { name: '${server.name}' } }, [admin, server])).toEqual(
      [],
    );
  });
});

describe('unmetCondition', () => {
  const holds = '${server.services.primary.port == 5432}';
  const fails = '${server.services.primary.port == 1}';
  const missing = '${server.services.replica.port == 5432}';
  test.each<[string[], string | undefined]>([
    [[], undefined],
    [[holds], undefined],
    [[holds, fails, missing], fails],
    [[missing, fails], missing],
  ])('of %j is %s', (readyWhen, unmet) => {
    expect(unmetCondition({ ...server, readyWhen }, scope())).toBe(unmet);
  });

  test.each(['${server.name}', '${1 / 0 == 1}', 'true'])(
    'that is no condition (%s) is the fault of the plan, and not tried for ever',
    (condition) => {
      expect(() => unmetCondition({ ...server, readyWhen: [condition] }, scope())).toThrow(
        expect.objectContaining({ code: 'TemplateFailed', message: expect.stringContaining('server') }),
      );
    },
  );
});

describe('adminLogin', () => {
  test('comes from the secret that the plan names, and does not print', () => {
    const login = adminLogin(revision, scope());
    expect(login.username).toBe('chandler_admin');
    expect(login.password.reveal()).toBe('generated password');
    expect(inspect(login) + JSON.stringify(login)).not.toContain('generated password');
  });

  test.each<[string, Partial<PlanRevision>]>([
    ['names no resource', { bind: { ...bind, admin: 'nobody' } }],
    ['names a chart', { bind: { ...bind, admin: 'server' } }],
    ['has no password', { resources: [{ ...admin, data: { username: 'a' } }, server] }],
  ])('of a plan that %s is refused', (_what, change) => {
    expect(() => adminLogin({ ...revision, ...change }, scope())).toThrow(
      expect.objectContaining({ code: 'TemplateFailed' }),
    );
  });
});
