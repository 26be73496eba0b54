/** The catalog document: of the offerings that are shipped, and of the fake ones, which use every feature. */
import AjvDraft04 from 'ajv-draft-04';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { Catalog } from '../../src/catalog/types.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/lib/json.ts';
import { offeredKinds } from '../../src/start/offered-kinds.ts';
import {
  fakeRequests,
  freshId,
  loadFakeCatalog,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import { complaintsOfPlatforms } from './catalog-schema.ts';

type Named = JsonObject & { id: string; name: string; description: string };
type Plan = Named & {
  maximum_polling_duration: number;
  schemas: Record<string, Record<string, { parameters: JsonObject }>>;
};
type Service = Named & { plans: Plan[] };

const loadShipped = () => loadCatalog({ folder: 'catalog', kinds: offeredKinds });
/** What the fake broker offers; a test may take plans away. */
let offered: Catalog;
let fake: OsbBroker;
let shipped: OsbBroker;
beforeAll(async () => {
  const whole = await loadFakeCatalog();
  offered = whole;
  fake = await startOsbBroker({
    catalog: {
      ...whole,
      findOffering: (serviceId) => offered.findOffering(serviceId),
      findPlan: (serviceId, planId) => offered.findPlan(serviceId, planId),
    },
  });
  shipped = await startOsbBroker({ catalog: await loadShipped() });
});
afterAll(() => Promise.all([fake.close(), shipped.close()]));

/** Strings of a value that are for people: schemas hold patterns and are bounded otherwise. */
function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isJsonObject(value) ? Object.values(value).flatMap(textsIn) : [];
}

describe.each([
  ['shipped', () => shipped, loadShipped],
  ['fake', () => fake, loadFakeCatalog],
])('the catalog document of the %s offerings', (_which, broker, load) => {
  const document = async () => {
    const answer = await broker().send({ path: '/v2/catalog' });
    expect(answer.status).toBe(200);
    return answer.json as { services: Service[] };
  };
  const services = async () => (await document()).services;
  const plans = async () => (await services()).flatMap((service) => service.plans);

  it('[23, 24, 25, 28, 30, 31, 32, 34, 35] is one that Cloud Foundry, Service Catalog and Korifi can decode', async () => {
    expect(complaintsOfPlatforms(await document())).toEqual([]);
  });

  it('[23] has services', async () => {
    expect((await services()).length).toBeGreaterThan(0);
  });

  it('[24, 25] has ids that are unique among services and plans, and names that are unique where they stand', async () => {
    const ids = [...(await services()), ...(await plans())].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const named of [await services(), ...(await services()).map((service) => service.plans)]) {
      expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
    }
  });

  it('[26] is the same each time, and after it is loaded again', async () => {
    const first = await broker().send({ path: '/v2/catalog' });
    const again = await broker().send({ path: '/v2/catalog' });
    expect(again.text).toBe(first.text);
    expect(JSON.stringify((await load()).document)).toBe(first.text);
  });

  it('[26, 27] has names of lower-case letters, digits and dashes, and texts of at most 255 characters', async () => {
    for (const { name } of [...(await services()), ...(await plans())])
      expect(name).toMatch(/^[a-z0-9-]{1,63}$/);
    for (const { plans: each, ...service } of await services()) {
      const outside = each.map(({ schemas: _, ...plan }) => plan);
      for (const text of textsIn([service, ...outside])) expect(text.length, text).toBeLessThanOrEqual(255);
      expect((service.tags as string[]).join('').length).toBeLessThanOrEqual(2048);
    }
  });

  it('[29, 30] says every boolean, as it is', async () => {
    for (const { plans: each, ...service } of await services()) {
      const offering = broker().catalog.offerings.find(({ id }) => id === service.id);
      expect(service).toMatchObject({
        bindable: each.some(({ bindable }) => bindable),
        instances_retrievable: true,
        bindings_retrievable: true,
        allow_context_updates: true,
        plan_updateable: each.some(({ plan_updateable }) => plan_updateable),
      });
      for (const [at, plan] of each.entries()) {
        expect(plan).toMatchObject({
          free: offering?.plans[at]?.free,
          bindable: offering?.plans[at]?.bindable,
          plan_updateable: offering?.plans[at]?.planUpdateable,
          binding_rotatable: offering?.plans[at]?.bindingRotatable,
        });
      }
    }
  });

  it('[31] lets platforms poll longer than any operation may take', async () => {
    for (const plan of await plans()) {
      const compiled = broker().catalog.compiledPlans.find(({ revision }) => revision.planId === plan.id);
      const { provision, update, deprovision, bind, unbind } = compiled?.revision.timeouts ?? {};
      const waitingBind =
        compiled?.revision.bind === undefined ? 0 : Math.max(provision ?? 0, update ?? 0) + (bind ?? 0);
      for (const seconds of [provision, update, deprovision, unbind, waitingBind]) {
        expect(plan.maximum_polling_duration).toBeGreaterThan(seconds ?? Number.NaN);
      }
    }
  });

  it('[32] has maintenance_info of a semantic version and a description, in 2,000 characters', async () => {
    for (const { maintenance_info: info } of await plans()) {
      if (!isJsonObject(info)) continue;
      expect(Object.keys(info).sort()).toEqual(['description', 'version']);
      expect(info.version).toMatch(
        /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/,
      );
      expect(JSON.stringify(info).length).toBeLessThanOrEqual(2000);
    }
  });

  it('[33] has schemas of draft-04 for what can be sent, which need nothing from elsewhere', async () => {
    const metaschema = new AjvDraft04.default({ strict: false });
    for (const { schemas, bindable } of await plans()) {
      expect(Object.keys(schemas)).toEqual(['service_instance', ...(bindable ? ['service_binding'] : [])]);
      expect(Object.keys(schemas.service_instance ?? {})).toEqual(['create', 'update']);
      for (const { parameters } of Object.values(schemas).flatMap((verbs) => Object.values(verbs))) {
        expect(parameters.$schema).toBe('http://json-schema.org/draft-04/schema#');
        expect(metaschema.validateSchema(parameters), JSON.stringify(metaschema.errors)).toBe(true);
        expect(JSON.stringify(parameters)).not.toMatch(/"\$ref":"[^#]/);
        expect(JSON.stringify(parameters).length).toBeLessThan(64 * 1024);
      }
    }
  });
});

describe('the catalog of the fake offerings', () => {
  const plan = async (id: string) => {
    const { services } = (await fake.send({ path: '/v2/catalog' })).json as { services: Service[] };
    return services.flatMap((service) => service.plans).find((each) => each.id === id);
  };

  it('[29] says per plan what differs from its service', async () => {
    expect(await plan('quick')).toMatchObject({
      bindable: true,
      plan_updateable: true,
      binding_rotatable: true,
    });
    expect(await plan('unbindable')).toMatchObject({ bindable: false, binding_rotatable: false });
    expect(await plan('fixed')).toMatchObject({ plan_updateable: false, binding_rotatable: false });
  });

  it('[28] names permissions where an offering requires them, and elsewhere none', async () => {
    const { services } = (await fake.send({ path: '/v2/catalog' })).json as { services: Service[] };
    const required = Object.fromEntries(services.map(({ name, requires }) => [name, requires]));
    expect(required).toEqual({
      attached: ['syslog_drain', 'route_forwarding', 'volume_mount'],
      fake: undefined,
    });
  });

  it('[31] every operation has a time limit of its own within the time that platforms poll', async () => {
    const one = fakeRequests('slow');
    const id = freshId();
    await fake.send(one.provision({ parameters: { milliseconds: 300 } }));
    await fake.send(one.bind(id));
    await untilOver(fake, one.pollBinding(id));
    for (const sent of [one.update({ parameters: { note: 'x' } }), one.unbind(id), one.deprovision()]) {
      await fake.send(sent);
      await untilOver(
        fake,
        sent.path.includes(id) && sent.method === 'DELETE' ? one.pollBinding(id) : one.poll(),
      );
    }
    const rows = await fake.query(
      `select type, extract(epoch from deadline - created_at)::float as seconds from operations
       where instance_uid = (select uid from service_instances where instance_id = '${one.id}')`,
    );
    expect(rows.map(({ type }) => type).sort()).toEqual([
      'bind',
      'deprovision',
      'provision',
      'unbind',
      'update',
    ]);
    const polling = (await plan('slow'))?.maximum_polling_duration ?? Number.NaN;
    for (const { type, seconds } of rows) expect(seconds, String(type)).toBeLessThan(polling);
  });
});

describe('a plan that is no longer offered', () => {
  const without = (catalog: Catalog, planId: string): Catalog => ({
    ...catalog,
    findPlan: (serviceId, id) => (id === planId ? undefined : catalog.findPlan(serviceId, id)),
  });
  const withoutService = (catalog: Catalog): Catalog => ({
    ...catalog,
    findOffering: () => undefined,
    findPlan: () => undefined,
  });

  it.each<[string, (catalog: Catalog) => Catalog, RegExp]>([
    ['alone', (catalog) => without(catalog, 'quick'), /plan_id "quick" is not a plan/],
    ['with its service', withoutService, /service_id "fake-service" is not in the catalog/],
  ])('[37] still serves its instances, and no new ones: %s', async (_how, change, refusal) => {
    const whole = offered;
    const one = fakeRequests('quick');
    const [before, after] = [freshId(), freshId()];
    expect((await fake.send(one.provision())).status).toBe(201);
    expect((await fake.send(one.bind(before))).status).toBe(201);
    offered = change(whole);
    try {
      expect(await fake.send(fakeRequests('quick').provision())).toMatchObject({
        status: 400,
        json: { description: expect.stringMatching(refusal) as string },
      });
      expect((await fake.send(one.provision())).status).toBe(200);
      expect((await fake.send(one.fetch())).status).toBe(200);
      expect((await fake.send(one.update({ parameters: { note: 'x' } }))).status).toBe(200);
      expect((await fake.send(one.bind(before))).status).toBe(200);
      expect((await fake.send(one.bind(after))).status).toBe(201);
      expect((await fake.send(one.fetchBinding(after))).status).toBe(200);
      for (const id of [before, after]) expect((await fake.send(one.unbind(id))).status).toBe(200);
      expect((await fake.send(one.deprovision())).status).toBe(200);
    } finally {
      offered = whole;
    }
  });
});
