// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { JsonObject } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const { write, load, loadWith } = folder;

describe('what is wrong is refused with how to mend it:', () => {
  const resource = (id: string, text: string): JsonObject => ({ id, secret: { a: text } });
  const parameter = (definition: JsonObject): JsonObject => ({ parameters: { p: definition } });
  const configMap: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap' };
  const manifest = (change: JsonObject): JsonObject => ({
    resources: [{ id: 'a', manifest: { ...configMap, ...change } }],
  });
  const inPlan = (part: JsonObject): JsonObject => ({
    plans: [{ id: 'plan-1', name: 'small', description: 'Small', ...part }],
  });

  it.each<[string, JsonObject, RegExp]>([
    ['a misspelt key', { descriptoin: 'x' }, /unknown key `descriptoin`; did you mean `description`\?/],
    ['a key unlike any other', { xyzzy: 1 }, /unknown key `xyzzy`; known: apiVersion, bind/],
    ['a misspelt key deep inside', { sync: { bnd: true } }, /unknown key `bnd`; did you mean `bind`\?/],
    ['a missing key', { description: null }, /`description` is missing/],
    ['another kind', { kind: 'Offering' }, /`kind` must be "ServiceOffering"/],
    ['no plans', { plans: [] }, /`plans` must not be empty/],
    ['a wrong type', { sync: { bind: 'yes' } }, /`bind` must be true or false/],
    ['a name that a CLI could not type', { name: 'My DB' }, /`name` must be lower-case/],
    ['an id that a URL could not carry', { id: 'a/b' }, /`id` must be 1 to 63/],
    [
      'a version that is not semantic',
      { maintenance: { version: '16.4' } },
      /`version` must be a semantic version/,
    ],
    [
      'metadata that makes Korifi panic',
      { metadata: { documentationUrl: 1 } },
      /`documentationUrl` must be a text/,
    ],
    ['a time limit without unit', { timeouts: { bind: '30' } }, /`bind` must be a duration such as/],
    ['an allowance that there is not', { policy: { allow: ['hostpath'] } }, /must be .*"hostPath"/],
    ['a kind with its version', { policy: { kinds: ['apps/v1/Deployment'] } }, /must be a kind such as/],
    [
      'a cluster-scoped kind among those of the namespace',
      { policy: { kinds: ['rbac.authorization.k8s.io/ClusterRole'] } },
      /belongs under `clusterScoped`/,
    ],
    [
      'a registry that is a path alone',
      { policy: { registries: ['library'] } },
      /must begin with a registry/,
    ],
    ['a registry with a tag', { policy: { registries: ['docker.io/postgres:17'] } }, /must begin with a reg/],
    ['no registries at all', { policy: { registries: [] } }, /`registries` must not be empty/],
    ['an engine we do not have', { bind: { engine: 'oracle' } }, /`engine` must be "postgresql"/],
    [
      'a bind without its secret',
      { bind: { admin: 'admn' } },
      /must be the id of a secret resource, or of one that reads a Secret; did you mean `admin`/,
    ],
    ['a bind without address', { outputs: { host: null } }, /`outputs` needs `host`/],
    ['an unknown name in an expression', { outputs: { x: '${sever.name}' } }, /Unknown variable: sever/],
    [
      'an unknown key of the plan',
      { outputs: { x: '${plan.cpuu}' } },
      /no `plan.cpuu`; did you mean `cpu`\?/,
    ],
    [
      'an unknown parameter',
      { outputs: { x: '${parameters.size}' } },
      /no `parameters.size`; known: storage/,
    ],
    ['an unknown key of the instance', { outputs: { x: '${instance.id}' } }, /no `instance.id`/],
    [
      'an unknown output of a resource',
      { outputs: { x: '${admin.nam}' } },
      /no `admin.nam`; did you mean `name`/,
    ],
    ['an expression that is not CEL', { outputs: { x: 'a ${plan.}' } }, /IDENTIFIER/],
    [
      'resources that need each other',
      { resources: [resource('a', '${b.name}'), resource('b', '${c.name}'), resource('c', '${a.name}')] },
      /need each other: a -> b -> c -> a/,
    ],
    [
      'a resource that needs itself',
      { resources: [resource('a', '${a.services.primary.host}')] },
      /`a` cannot read itself, except for `a.name`/,
    ],
    [
      'a secret that is not a text',
      { resources: [resource('a', '${generated.admin}')] },
      /must be a text, but this gives a map \(password\)/,
    ],
    [
      'two resources of one id',
      { resources: [resource('a', ''), resource('a', '')] },
      /two resources with the id `a`/,
    ],
    ['an id that CEL reserves', { resources: [resource('namespace', '')] }, /`id` must be an identifier/],
    [
      'an id that expressions read already',
      { resources: [resource('plan', '')] },
      /`plan` is a name that expressions read/,
    ],
    [
      'a resource of two kinds',
      { resources: [{ id: 'a', secret: {}, helm: { chart: 'charts/db' } }] },
      /exactly one of: secret, helm/,
    ],
    [
      'manifests from nowhere',
      { resources: [{ id: 'a', manifests: 'none' }] },
      /must be a folder below the chart root/,
    ],
    [
      'manifests from outside',
      { resources: [{ id: 'a', manifests: '../charts/db/templates' }] },
      /must be a folder below the chart root/,
    ],
    ['a kind that is worked out', manifest({ kind: '${plan.cpu}' }), /`kind` must be written out/],
    [
      'a namespace of its own',
      manifest({ metadata: { namespace: 'kube-system' } }),
      /`namespace` must be left out: objects live in the namespace of their instance/,
    ],
    ['a status', manifest({ status: { phase: 'Ready' } }), /`status` must be left out/],
    [
      'two objects of one name',
      { resources: [{ id: 'a', manifests: [configMap, configMap] }] },
      /two objects of kind ConfigMap with this name/,
    ],
    [
      'a custom resource without a condition',
      manifest({ apiVersion: 'db.example.com/v1', kind: 'Database' }),
      /a custom resource needs `readyWhen`/,
    ],
    [
      'a password in an object that is no Secret',
      manifest({ data: { password: '${generated.admin.password}' } }),
      /`generated` holds passwords, which only the data of a Secret may hold/,
    ],
    [
      'a password in what everybody may read of a Secret',
      manifest({ kind: 'Secret', metadata: { annotations: { hint: '${generated.admin.password}' } } }),
      /`generated` holds passwords, which only the data of a Secret may hold/,
    ],
    [
      'a password in a Secret that is none of Kubernetes',
      {
        resources: [
          {
            ...{ id: 'a', readyWhen: ['${a.status.ready}'] },
            manifest: {
              apiVersion: 'vault.example.com/v1',
              kind: 'Secret',
              data: { x: '${generated.admin.password}' },
            },
          },
        ],
      },
      /`generated` holds passwords/,
    ],
    [
      'a password of an operator in an object that is no Secret',
      {
        resources: [
          { id: 'found', read: { apiVersion: 'v1', kind: 'Secret', name: 'x' } },
          { id: 'a', manifest: { ...configMap, data: { x: '${found.data.password}' } } },
        ],
      },
      /`found` holds passwords/,
    ],
    [
      'a read of what only one object has',
      {
        resources: [{ id: 'a', manifests: [configMap] }],
        outputs: { host: '${a.status.phase}', port: null },
        bind: null,
      },
      /no `a.status`/,
    ],
    [
      'a condition that is no expression',
      { resources: [{ ...resource('a', ''), readyWhen: ['${1 == 1}!'] }] },
      /must be one \${...} expression/,
    ],
    [
      'a chart that is not there',
      { resources: [{ id: 'a', helm: { chart: 'charts/none' } }] },
      /no readable chart folder at charts\/none/,
    ],
    ['a chart elsewhere', { resources: [{ id: 'a', helm: { chart: '../../etc' } }] }, /below the chart root/],
    [
      'a chart at an absolute path',
      { resources: [{ id: 'a', helm: { chart: '/etc' } }] },
      /below the chart root/,
    ],
    [
      'a mode of helm that there is not',
      { resources: [{ id: 'a', helm: { chart: 'charts/db', mode: 'install' } }] },
      /`mode` must be "render" or "release"/,
    ],
    [
      'a history of what is no release',
      { resources: [{ id: 'a', helm: { chart: 'charts/db', history: 3 } }] },
      /`history` has a meaning in mode release alone/,
    ],
    [
      'a placement that is not there yet',
      { placement: { namespace: { mode: 'fixed' } } },
      /`mode` must be "per-instance"/,
    ],
    ['retention that is not there yet', { deletion: { data: 'retain' } }, /`data` must be "delete"/],
    ['a quantity without limit', parameter({ type: 'quantity' }), /a quantity needs a `maximum`/],
    [
      'a limit that is no quantity',
      parameter({ type: 'quantity', maximum: 5 }),
      /`maximum` must be a quantity/,
    ],
    [
      'a limit that is no number',
      parameter({ type: 'integer', maximum: '5Gi' }),
      /`maximum` must be a number/,
    ],
    [
      'a rule without meaning',
      parameter({ type: 'boolean', pattern: 'x' }),
      /`pattern` has no meaning for type boolean/,
    ],
    ['a pattern that is none', parameter({ type: 'string', pattern: '(' }), /no regular expression/],
    [
      'a default beyond its limit',
      parameter({ type: 'quantity', default: '2Gi', maximum: '1Gi' }),
      /breaks its own rule.*at most 1Gi/,
    ],
    [
      'a default that is required',
      parameter({ type: 'string', default: 'x', required: true }),
      /never `required`/,
    ],
    [
      'a parameter that may be absent',
      { ...parameter({ type: 'string' }), outputs: { x: '${parameters.p}' } },
      /may be absent/,
    ],
    [
      'a short password',
      { generate: { admin: { password: { length: 8 } } } },
      /`length` must be at least 16/,
    ],
    ['a misspelt key of a plan', inPlan({ fre: true }), /unknown key `fre`; did you mean `free`\?/],
  ])('%s', async (_, change, message) => {
    const messages = (await problemsOf(loadWith(change))).map((problem) => problem.message);
    expect(messages.join('\n')).toMatch(message);
  });

  it('but an absent parameter is fine when the expression asks for it first', async () => {
    const change = {
      ...parameter({ type: 'string' }),
      outputs: { x: '${has(parameters.p) ? parameters.p : "none"}' },
    };
    await expect(loadWith(change)).resolves.toBeDefined();
  });

  it('ids and names that another offering took, plan ids across offerings', async () => {
    await write('catalog/a.yaml', stringify(goodOffering));
    await write('catalog/b.yaml', stringify(goodOffering));
    const problems = await problemsOf(load());
    expect(problems.map(({ message }) => message.replace(/ in .*/, ''))).toEqual([
      'the id `offering-1` is taken by database',
      'the name `database` is taken by database',
      'the id `plan-1` is taken by database',
    ]);
    expect(problems[0]?.file).toMatch(/b\.yaml$/);
  });

  it('an empty folder, no folder, a file that is no map, a file that is no YAML, an alias bomb', async () => {
    expect((await problemsOf(load()))[0]?.message).toMatch(/no offering/);
    expect((await problemsOf(load({ folder: folder.path('none') })))[0]?.message).toMatch(
      /no readable folder/,
    );
    await write('catalog/a.yaml', '- 1\n');
    await write('catalog/b.yaml', 'a: 1\nb: [\n');
    await write('catalog/c.yaml', 'a: 1\na: 2\n');
    const bomb = ['x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1]'];
    for (let i = 1; i < 8; i++) bomb.push(`x${i}: &x${i} [${`*x${i - 1}, `.repeat(9)}]`);
    await write('catalog/d.yaml', bomb.join('\n'));
    const problems = await problemsOf(load());
    expect(problems.map(({ file }) => path.basename(file))).toEqual(['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml']);
    expect(problems[2]).toMatchObject({
      line: 2,
      column: 1,
      message: 'this key is here twice; leave one of them',
    });
  });
});

describe('problems point into the file:', () => {
  const text = `apiVersion: chandler.dev/v1
kind: ServiceOffering
id: offering-1
name: database
description: A database
set: { cpu: 100m }
resources:
  - id: admin
    secret:
      username: chief
      password: \${plan.password}
  - id: server
    helm:
      chart: charts/db
      values:
        cpu: \${plan.cpu}
sycn: {}
plans:
  - id: plan-1
    name: small
    description: Small
  - id: plan-2
    name: big
    resources:
      - id: server
        helm:
          values:
            cpu: \${plan.cpuu}
`;

  it('all of them, to the plan where the plan says it and to the offering where it is inherited', async () => {
    await write('catalog/database.yaml', text);
    const problems = await problemsOf(load());
    expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '11:7 there is no `plan.password`; known: cpu',
      '17:1 unknown key `sycn`; did you mean `sync`?',
      '22:5 `description` is missing',
    ]);
    await write(
      'catalog/database.yaml',
      text.replace('sycn: {}\n', '').replace('name: big\n', 'name: big\n    description: Big\n'),
    );
    expect((await problemsOf(load())).map(({ line, message }) => `${line} ${message}`)).toEqual([
      '11 there is no `plan.password`; known: cpu',
      '28 there is no `plan.cpuu`; did you mean `cpu`?',
    ]);
  });
});
