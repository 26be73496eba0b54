// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createHelm } from '../helm/create-helm.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import type { JsonObject } from '../lib/json.ts';
import { loadCatalog } from './load-catalog.ts';
import { mergeMaps } from './merge-plan.ts';
import { CatalogInvalid, type CatalogProblem } from './types.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'chandler-catalog-test-'));
  await mkdir(path.join(root, 'catalog'));
  await write('charts/db/Chart.yaml', 'apiVersion: v2\nname: db\nversion: 0.1.0\n');
  await write('charts/db/templates/all.yaml', 'apiVersion: v1\nkind: X\nmetadata: {name: a}\n');
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), text);
}

const good: JsonObject = {
  apiVersion: 'chandler.dev/v1',
  kind: 'ServiceOffering',
  id: 'offering-1',
  name: 'database',
  description: 'A database',
  set: { cpu: '100m', image: { repository: 'db', tag: '1' } },
  parameters: { storage: { type: 'quantity', default: '1Gi', maximum: '10Gi' } },
  generate: { admin: { password: {} } },
  resources: [
    // In the wrong order on purpose.
    {
      id: 'server',
      helm: {
        chart: 'charts/db',
        values: { secret: '${admin.name}', cpu: '${plan.cpu}', size: '${parameters.storage}' },
      },
    },
    { id: 'admin', secret: { username: 'chief', password: '${generated.admin.password}' } },
  ],
  outputs: { host: '${server.services.primary.host}', port: '${server.services.primary.port}' },
  bind: { engine: 'postgresql', admin: 'admin' },
  plans: [{ id: 'plan-1', name: 'small', description: 'Small' }],
};

const load = (options: Partial<Parameters<typeof loadCatalog>[0]> = {}) =>
  loadCatalog({ folder: path.join(root, 'catalog'), ...options });

async function loadWith(change: JsonObject, options: Partial<Parameters<typeof loadCatalog>[0]> = {}) {
  await write('catalog/database.yaml', stringify(mergeMaps(good, change)));
  return load(options);
}

async function problemsOf(loading: Promise<unknown>): Promise<CatalogProblem[]> {
  const thrown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof CatalogInvalid)) throw thrown ?? new Error('the catalog loaded');
  return thrown.problems;
}

async function firstRevision(change: JsonObject = {}) {
  const [plan] = (await loadWith(change)).compiledPlans;
  if (plan === undefined) throw new Error('no plan');
  return plan.revision;
}

describe('a plan revision', () => {
  it('holds what operations need, resources in the order of their needs', async () => {
    const revision = await firstRevision();
    expect(revision).toMatchObject({
      serviceId: 'offering-1',
      planId: 'plan-1',
      set: { cpu: '100m' },
      parameterDefaults: { storage: '1Gi' },
      generate: { admin: { password: { length: 32 } } },
      resources: [
        { id: 'admin', kind: 'secret', data: { username: 'chief' } },
        { id: 'server', kind: 'helm', chartName: 'db', values: { secret: '${admin.name}' } },
      ],
      bind: { engine: 'postgresql', admin: 'admin', connectionLimit: -1 },
      sync: { provision: false, deprovision: false, bind: false, unbind: false },
      timeouts: { provision: 600, deprovision: 600, bind: 120, unbind: 120 },
    });
  });

  it('comes with the packed chart it names', async () => {
    const [plan] = (await loadWith({})).compiledPlans;
    const [resource] = plan?.revision.resources.filter(({ kind }) => kind === 'helm') ?? [];
    expect(resource?.kind === 'helm' && plan?.charts.get(resource.chartDigest)?.length).toBeGreaterThan(100);
  });

  it('has a digest that stays while the definition stays, whatever the order of its keys', async () => {
    const first = await firstRevision();
    const reversed = Object.fromEntries(Object.entries(good).reverse());
    await write('catalog/database.yaml', stringify(reversed));
    const [plan] = (await load()).compiledPlans;
    expect(plan?.revision.digest).toBe(first.digest);
  });

  it('has another digest when the plan or the chart changes', async () => {
    const digests = [
      (await firstRevision()).digest,
      (await firstRevision({ set: { cpu: '200m' } })).digest,
      (await firstRevision({ timeouts: { bind: '1m' } })).digest,
    ];
    await write('charts/db/values.yaml', 'a: 1\n');
    digests.push((await firstRevision()).digest);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('a plan', () => {
  it('may override any part: maps deeply, resources by id', async () => {
    const { compiledPlans } = await loadWith({
      plans: [
        { id: 'plan-1', name: 'small', description: 'Small' },
        {
          id: 'plan-2',
          name: 'big',
          description: 'Big',
          set: { cpu: '2' },
          parameters: { storage: { default: '5Gi' } },
          resources: [
            { id: 'server', helm: { values: { replicas: 2, size: null } } },
            { id: 'extra', secret: { a: 'b' } },
          ],
          sync: { bind: true },
          timeouts: { provision: '1h' },
        },
      ],
    });
    const [small, big] = compiledPlans.map(({ revision }) => revision);
    expect(small?.set).toMatchObject({ cpu: '100m' });
    expect(big).toMatchObject({
      set: { cpu: '2', image: { repository: 'db', tag: '1' } },
      parameterDefaults: { storage: '5Gi' },
      sync: { bind: true, provision: false },
      timeouts: { provision: 3600, bind: 120 },
    });
    expect(big?.resources.map(({ id }) => id)).toEqual(['admin', 'server', 'extra']);
    const server = big?.resources[1];
    expect(server?.kind === 'helm' && server.values).toEqual({
      secret: '${admin.name}',
      cpu: '${plan.cpu}',
      replicas: 2,
    });
  });

  it('takes overrides of an installation on what it sets, and only there', async () => {
    const { compiledPlans } = await loadWith(
      {},
      { overrides: { set: { image: { repository: 'local/db' } } } },
    );
    expect(compiledPlans[0]?.revision.set).toEqual({
      cpu: '100m',
      image: { repository: 'local/db', tag: '1' },
    });
    const [problem] = await problemsOf(load({ overrides: { set: { imagee: {} } } }));
    expect(problem?.message).toBe('no plan has `imagee` in its `set`; overridable: cpu, image');
  });
});

describe('the catalog', () => {
  it('finds offerings and plans by id', async () => {
    const catalog = await loadWith({});
    expect(catalog.findOffering('offering-1')?.name).toBe('database');
    const found = catalog.findPlan('offering-1', 'plan-1');
    expect(found?.plan.revision).toBe(found?.revision.digest);
    expect(catalog.findPlan('offering-1', 'plan-2')).toBeUndefined();
    expect(catalog.findPlan('offering-2', 'plan-1')).toBeUndefined();
  });

  it('reads every YAML file of a folder, through the links of a mounted ConfigMap too', async () => {
    await write('catalog/..data/one.yaml', stringify(good));
    await symlink('..data/one.yaml', path.join(root, 'catalog', 'one.yaml'));
    await write(
      'catalog/two.yml',
      stringify({
        ...good,
        id: 'offering-2',
        name: 'other',
        plans: [{ id: 'plan-9', name: 'small', description: 'S' }],
      }),
    );
    await write('catalog/notes.txt', 'not a catalog file');
    expect((await load()).offerings.map(({ name }) => name)).toEqual(['database', 'other']);
  });

  it('is told to platforms with every boolean said and schemas of draft-04', async () => {
    const { document } = await loadWith({ maintenance: { version: '1.2.3', description: 'DB 1' } });
    const parameters = {
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      additionalProperties: false,
      properties: {
        storage: expect.objectContaining({ type: 'string', default: '1Gi' }) as JsonObject,
      },
    };
    expect(document).toEqual({
      services: [
        {
          id: 'offering-1',
          name: 'database',
          description: 'A database',
          tags: [],
          bindable: true,
          instances_retrievable: true,
          bindings_retrievable: true,
          allow_context_updates: false,
          plan_updateable: false,
          metadata: {},
          plans: [
            {
              id: 'plan-1',
              name: 'small',
              description: 'Small',
              free: true,
              bindable: true,
              binding_rotatable: false,
              plan_updateable: false,
              metadata: {},
              maintenance_info: { version: '1.2.3', description: 'DB 1' },
              maximum_polling_duration: 600,
              schemas: {
                service_instance: { create: { parameters } },
                service_binding: { create: { parameters: { ...parameters, properties: {} } } },
              },
            },
          ],
        },
      ],
    });
  });

  it('tells of a plan that cannot be bound', async () => {
    const { document, offerings } = await loadWith({ bind: null });
    expect(offerings[0]?.plans[0]?.bindable).toBe(false);
    expect(JSON.stringify(document)).not.toContain('service_binding');
  });
});

describe('what is wrong is refused with how to mend it:', () => {
  const resource = (id: string, text: string): JsonObject => ({ id, secret: { a: text } });
  const parameter = (definition: JsonObject): JsonObject => ({ parameters: { p: definition } });
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
    ['an engine we do not have', { bind: { engine: 'oracle' } }, /`engine` must be "postgresql"/],
    [
      'a bind without its secret',
      { bind: { admin: 'admn' } },
      /must be the id of a secret resource; did you mean `admin`/,
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
    ['a resource that needs itself', { resources: [resource('a', '${a.name}')] }, /need each other: a -> a/],
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
      'release mode, which is not there yet',
      { resources: [{ id: 'a', helm: { chart: 'charts/db', mode: 'release' } }] },
      /`mode` must be "render"/,
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
    await write('catalog/a.yaml', stringify(good));
    await write('catalog/b.yaml', stringify(good));
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
    expect((await problemsOf(load({ folder: path.join(root, 'none') })))[0]?.message).toMatch(
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
    expect(problems[2]).toMatchObject({ line: 2, column: 1, message: 'Map keys must be unique' });
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

describe('with a helm, charts are tried', () => {
  const withHelm = async (template: string, change: JsonObject = {}) => {
    await write('charts/db/templates/all.yaml', template);
    return loadWith(change, { helm: createHelm({ helmPath: await testHelmPath() }) });
  };
  const object = 'apiVersion: v1\nkind: X\nmetadata:\n  name: a\n';

  it('and pass when all is well', async () => {
    await expect(withHelm(object)).resolves.toBeDefined();
  });

  it.each([
    ['a hook', `${object}  annotations: {helm.sh/hook: pre-install}\n`, /the chart has a hook/],
    ['random output', `${object}data: {{ randAlphaNum 8 | quote }}\n`, /two renderings of the chart differ/],
    ['a failure', `${object}data: {{ required "name the size" .Values.nothing }}\n`, /name the size/],
  ])('and refused for %s', async (_, template, message) => {
    expect((await problemsOf(withHelm(template)))[0]?.message).toMatch(message);
  });

  it('and refused for values that the chart does not take', async () => {
    await write('charts/db/values.schema.json', JSON.stringify({ properties: { cpu: { type: 'integer' } } }));
    const [problem] = await problemsOf(withHelm(object));
    expect(problem?.message).toMatch(/cpu/);
  });
});

it('the offerings we ship load, and their charts take their values', async () => {
  const shipped = path.resolve(import.meta.dirname, '../../catalog');
  const catalog = await loadCatalog({
    folder: shipped,
    helm: createHelm({ helmPath: await testHelmPath() }),
  });
  expect(catalog.offerings.map(({ name }) => name)).toContain('postgresql');
});
