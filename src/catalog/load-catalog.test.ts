// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createHelm } from '../helm/create-helm.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import type { Helm } from '../helm/types.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { goodOffering, problemsOf, shippedKinds, useCatalogFolder } from './catalog-fixture.ts';
import { loadCatalog } from './load-catalog.ts';
import { mergeMaps } from './merge-plan.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const { write, load, loadWith } = folder;

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
      sync: { provision: false, update: false, deprovision: false, bind: false, unbind: false },
      timeouts: { provision: 600, update: 600, deprovision: 600, bind: 120, unbind: 120 },
    });
    expect(revision.bind).toEqual({
      engine: 'postgresql',
      admin: 'admin',
      connectionLimit: -1,
      rotatable: true,
      requiresApp: false,
      attachments: {},
    });
    expect(revision.updates).toEqual({ plan: false, growOnly: [] });
    expect(revision).not.toHaveProperty('dashboardUrl');
  });

  it('says what becomes of drift only where the file does, so that revisions from before stay what they are', async () => {
    const [silent, report] = [await firstRevision(), await firstRevision({ drift: 'report' })];
    expect(silent).not.toHaveProperty('drift');
    expect(report).toEqual(silent);
    const repair = await firstRevision({ drift: 'repair' });
    expect(repair.drift).toBe('repair');
    expect(repair.digest).not.toBe(silent.digest);
  });

  it('says its policy, and that a chart is free of tpl, only where the file does', async () => {
    const silent = await firstRevision();
    expect(silent).not.toHaveProperty('policy');
    expect(silent.resources[1]).not.toHaveProperty('freeOfTpl');
    const policy = { allow: ['NodePort'], registries: ['localhost:5000', 'ghcr.io/a'], requireDigest: true };
    const spoken = await firstRevision({ policy });
    expect(spoken.policy).toEqual(policy);
    expect(spoken.digest).not.toBe(silent.digest);
    const plans = [{ id: 'plan-1', name: 'small', description: 'S', policy: { allow: ['LoadBalancer'] } }];
    expect((await firstRevision({ policy, plans })).policy).toEqual({ ...policy, allow: ['LoadBalancer'] });
  });

  it('holds what may change later, and nothing may unless the file says so', async () => {
    const revision = await firstRevision({
      updates: { plan: true },
      parameters: {
        storage: { update: 'grow-only' },
        replicas: { type: 'integer', required: true, update: 'allowed' },
        region: { type: 'string', default: 'eu' },
        zone: { type: 'string', default: 'a', update: 'immutable' },
      },
    });
    expect(revision.updates).toEqual({ plan: true, growOnly: ['storage'] });
    const { update, provision } = revision.schemas;
    expect(Object.keys(update.properties ?? {})).toEqual(['storage', 'replicas']);
    expect(update).toMatchObject({ $schema: provision.$schema, type: 'object', additionalProperties: false });
    expect(update).not.toHaveProperty('required');
    expect(provision).toMatchObject({ required: ['replicas'] });
  });

  it('holds how long credentials live, in seconds, and what they come with', async () => {
    const attachments = {
      syslogDrainUrl: 'syslog-tls://${outputs.host}:6514',
      routeServiceUrl: 'https://${instance.name}.example.com',
      volumeMounts: [
        {
          driver: 'nfs',
          containerDir: '/data',
          mode: '${plan.cpu == "1" ? "r" : "rw"}',
          device: { volumeId: '${server.name}', mountConfig: { size: '${parameters.storage}' } },
        },
      ],
    };
    const { bind } = await firstRevision({
      requires: ['syslog_drain', 'route_forwarding', 'volume_mount'],
      bind: { lifetime: '3650d', renewBefore: '2d', rotatable: false, requiresApp: true, attachments },
    });
    expect(bind).toMatchObject({
      lifetime: 315_360_000,
      renewBefore: 172_800,
      rotatable: false,
      requiresApp: true,
    });
    const [mount] = attachments.volumeMounts;
    expect(bind?.attachments).toEqual({
      ...attachments,
      volumeMounts: [{ ...mount, deviceType: 'shared' }],
    });
  });

  it('comes with the packed chart it names', async () => {
    const [plan] = (await loadWith({})).compiledPlans;
    const [resource] = plan?.revision.resources.filter(({ kind }) => kind === 'helm') ?? [];
    expect(resource?.kind === 'helm' && plan?.charts.get(resource.chartDigest)?.length).toBeGreaterThan(100);
  });

  it('has a digest that stays while the definition stays, whatever the order of its keys', async () => {
    const first = await firstRevision();
    const reversed = Object.fromEntries(Object.entries(goodOffering).reverse());
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

describe('what this Chandler can make beside its own kinds', () => {
  const kinds = { engines: ['postgresql', 'fake'], provisioners: ['fake', 'bucket'] };
  const change: JsonObject = {
    parameters: { seconds: { type: 'integer', default: 3 } },
    resources: [
      { id: 'user', secret: { username: 'u', url: '${made.deep.url}' } },
      { id: 'made', fake: { seconds: '${parameters.seconds}' }, readyWhen: ['${made.state == "up"}'] },
    ],
    outputs: { host: null, port: null, url: '${made.anything}', more: '${made.name}' },
    bind: { engine: 'fake', admin: null },
  };

  it('is a kind of resource, of which expressions may read any key', async () => {
    const [plan] = (await loadWith(change, { kinds })).compiledPlans;
    expect(plan?.revision.resources).toEqual([
      {
        id: 'made',
        kind: 'external',
        provisioner: 'fake',
        inputs: { seconds: '${parameters.seconds}' },
        readyWhen: ['${made.state == "up"}'],
      },
      expect.objectContaining({ id: 'user' }),
    ]);
  });

  it('is an engine, which needs neither admin nor address', async () => {
    const [plan] = (await loadWith(change, { kinds })).compiledPlans;
    expect(plan?.revision.bind).toMatchObject({ engine: 'fake' });
    expect(plan?.revision.bind).not.toHaveProperty('admin');
  });

  it.each<[string, JsonObject, RegExp]>([
    ['a misspelt one', { resources: [{ id: 'a', bukket: {} }] }, /`bukket`; did you mean `bucket`\?/],
    [
      'none',
      { resources: [{ id: 'a' }] },
      /exactly one of: secret, helm, manifest, manifests, read, fake, bucket/,
    ],
    [
      'two',
      { resources: [{ id: 'a', fake: {}, bucket: {} }] },
      /exactly one of: secret, helm, manifest, manifests, read, fake, bucket/,
    ],
    ['inputs that are no map', { resources: [{ id: 'a', fake: 'x' }] }, /`fake` must be a map/],
    [
      'inputs that read what is not there',
      { resources: [{ id: 'a', fake: { x: '${plan.no}' } }], outputs: { url: null, more: null } },
      /no `plan.no`/,
    ],
    [
      'an admin that is no secret',
      { bind: { admin: 'made' } },
      /must be the id of a secret resource, or of one that reads a Secret; known: user/,
    ],
    ['an engine that it does not have', { bind: { engine: 'oracle' } }, /must be "postgresql" or "fake"/],
  ])('but is refused with %s', async (_, wrong, message) => {
    const offering = { ...mergeMaps(change, wrong) };
    const messages = (await problemsOf(loadWith(offering, { kinds }))).map((problem) => problem.message);
    expect(messages.join('\n')).toMatch(message);
  });

  it('is unknown to a Chandler without it', async () => {
    const messages = (await problemsOf(loadWith(change))).map((problem) => problem.message);
    expect(messages.join('\n')).toMatch(
      /unknown key `fake`; known: helm, id, manifest, manifests, read, readyWhen, secret/,
    );
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
    await write('catalog/..data/one.yaml', stringify(goodOffering));
    await symlink('..data/one.yaml', folder.path('catalog/one.yaml'));
    await write(
      'catalog/two.yml',
      stringify({
        ...goodOffering,
        id: 'offering-2',
        name: 'other',
        plans: [{ id: 'plan-9', name: 'small', description: 'S' }],
      }),
    );
    await write('catalog/notes.txt', 'not a catalog file');
    expect((await load()).offerings.map(({ name }) => name)).toEqual(['database', 'other']);
  });

  it('knows when it was loaded', async () => {
    const before = Date.now();
    const { loadedAt } = await loadWith({});
    expect(loadedAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(loadedAt.getTime()).toBeLessThanOrEqual(Date.now());
  });
});

describe('a chart that is said to be free of tpl', () => {
  const resources = [
    { id: 'admin', secret: { username: 'chief', password: '${generated.admin.password}' } },
    { id: 'server', helm: { chart: 'charts/db', freeOfTpl: true } },
  ];

  it('is believed when none of its templates calls it', async () => {
    expect((await firstRevision({ resources })).resources[1]).toMatchObject({ freeOfTpl: true });
  });

  it('is refused when one does, in a subchart too, also without a helm', async () => {
    await write('charts/db/charts/sub/templates/a.yaml', 'a: {{ tpl .Values.a . }}');
    const [problem] = await problemsOf(loadWith({ resources }));
    expect(problem?.message).toBe(
      'the chart uses `tpl` in db/charts/sub/templates/a.yaml, so it is not free of it',
    );
  });
});

describe('with a helm, charts are tried', () => {
  const withHelm = async (template: string, change: JsonObject = {}) => {
    await write('charts/db/templates/all.yaml', template);
    return loadWith(change, { helm: createHelm({ helmPath: await testHelmPath() }) });
  };
  const object = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n';

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

describe('the offerings we ship', () => {
  const shipped = path.resolve(import.meta.dirname, '../../catalog');

  it('load, and their charts take their values', async () => {
    const helm = createHelm({ helmPath: await testHelmPath() });
    const catalog = await loadCatalog({ folder: shipped, kinds: shippedKinds, helm });
    expect(catalog.offerings.map(({ name }) => name)).toContain('postgresql');
  });

  it('let a PostgreSQL grow, take more connections and move to another plan', async () => {
    const { compiledPlans } = await loadCatalog({ folder: shipped, kinds: shippedKinds });
    for (const { revision } of compiledPlans.filter((plan) => plan.revision.serviceName === 'postgresql')) {
      expect(revision.updates).toEqual({ plan: true, growOnly: ['storage'], volumes: ['storage'] });
      expect(Object.keys(revision.schemas.update.properties ?? {})).toEqual(['storage', 'maxConnections']);
      expect(revision.bind?.rotatable).toBe(true);
    }
  });

  /** Who may connect to the instances of each plan, provisioned in the context of the namespace `sample`. */
  async function admitted(set: JsonObject): Promise<JsonValue[]> {
    const helm = createHelm({ helmPath: await testHelmPath() });
    const found: { from: JsonValue }[] = [];
    const render: Helm['render'] = async (request) => {
      const objects = await helm.render(request);
      for (const { kind, spec } of objects) {
        if (kind === 'NetworkPolicy') found.push(...(spec as { ingress: { from: JsonValue }[] }).ingress);
      }
      return objects;
    };
    await loadCatalog({
      folder: shipped,
      kinds: shippedKinds,
      helm: { ...helm, render },
      overrides: { set },
    });
    return found.map(({ from }) => from);
  }

  it('never lock Chandler out: they admit every namespace while its own is not known', async () => {
    const anyNamespace = [{ namespaceSelector: {} }];
    const all = await admitted({});
    expect(all.length).toBeGreaterThan(0);
    for (const from of all) expect(from).toEqual(anyNamespace);
  });

  it('admit the namespace of the app and that of Chandler, once it is known', async () => {
    const namespace = (name: string) => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
    });
    const all = await admitted({ chandlerNamespace: 'chandler' });
    expect(all.length).toBeGreaterThan(0);
    for (const from of all) expect(from).toEqual([namespace('sample'), namespace('chandler')]);
  });
});
