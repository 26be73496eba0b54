// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createHelm } from '../helm/create-helm.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import type { Helm } from '../helm/types.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { goodOffering, problemsOf, useCatalogFolder } from './catalog-fixture.ts';
import { loadCatalog } from './load-catalog.ts';

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
              // The longest time limit, 600 s, and a minute in which the platform still hears how it ended.
              maximum_polling_duration: 660,
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

describe('the offerings we ship', () => {
  const shipped = path.resolve(import.meta.dirname, '../../catalog');

  it('load, and their charts take their values', async () => {
    const helm = createHelm({ helmPath: await testHelmPath() });
    const catalog = await loadCatalog({ folder: shipped, helm });
    expect(catalog.offerings.map(({ name }) => name)).toContain('postgresql');
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
    await loadCatalog({ folder: shipped, helm: { ...helm, render }, overrides: { set } });
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
