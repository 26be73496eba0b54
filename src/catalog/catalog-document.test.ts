/** What Cloud Foundry, Service Catalog and Korifi need of the catalog document (OSBAPI, "Catalog Management"). */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { useCatalogFolder } from './catalog-fixture.ts';

const { loadWith } = useCatalogFolder({ beforeEach, afterEach });

type Document = { services: (JsonObject & { plans: (JsonObject & { schemas: JsonObject })[] })[] };

async function documentOf(change: JsonObject): Promise<Document> {
  return (await loadWith(change)).document as Document;
}

async function firstOf(change: JsonObject) {
  const [service] = (await documentOf(change)).services;
  const [plan] = service?.plans ?? [];
  if (service === undefined || plan === undefined) throw new Error('no service or plan');
  return { service, plan };
}

it('is the whole of what OSBAPI 2.17 knows, and nothing else', async () => {
  const schema = (properties: JsonObject) => ({
    parameters: {
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      additionalProperties: false,
      properties,
    },
  });
  const storage = {
    type: 'string',
    pattern: expect.any(String) as string,
    maxLength: 20,
    'x-quantity-maximum': '10Gi',
  };
  const document = await documentOf({
    tags: ['db'],
    requires: ['syslog_drain'],
    metadata: { displayName: 'DB', shareable: true },
    dashboardClient: { id: 'dash', secret: 'hush', redirectUri: 'https://dash.example.com/cb' },
    maintenance: { version: '1.2.3', description: 'DB 1' },
    parameters: { storage: { update: 'grow-only' } },
    updates: { plan: true },
    bind: { parameters: { role: { type: 'string' } } },
    plans: [{ id: 'plan-1', name: 'small', description: 'Small', free: false, metadata: { bullets: ['x'] } }],
  });
  expect(document).toEqual({
    services: [
      {
        id: 'offering-1',
        name: 'database',
        description: 'A database',
        tags: ['db'],
        requires: ['syslog_drain'],
        bindable: true,
        instances_retrievable: true,
        bindings_retrievable: true,
        allow_context_updates: true,
        plan_updateable: true,
        metadata: { displayName: 'DB', shareable: true },
        dashboard_client: { id: 'dash', secret: 'hush', redirect_uri: 'https://dash.example.com/cb' },
        plans: [
          {
            id: 'plan-1',
            name: 'small',
            description: 'Small',
            free: false,
            bindable: true,
            binding_rotatable: true,
            plan_updateable: true,
            metadata: { bullets: ['x'] },
            maintenance_info: { version: '1.2.3', description: 'DB 1' },
            // A provision of 600 s and a bind of 120 s that waits for it, and a minute to hear how it ended.
            maximum_polling_duration: 1260,
            schemas: {
              service_instance: {
                create: schema({ storage: { ...storage, default: '1Gi' } }),
                update: schema({ storage }),
              },
              service_binding: { create: schema({ role: { type: 'string', maxLength: 256 } }) },
            },
          },
        ],
      },
    ],
  });
});

const serviceBooleans = [
  'bindable',
  'instances_retrievable',
  'bindings_retrievable',
  'allow_context_updates',
  'plan_updateable',
];
const planBooleans = ['free', 'bindable', 'binding_rotatable', 'plan_updateable'];

it('Korifi and Service Catalog read an absent boolean as false, so every one is said for every plan', async () => {
  const bind = { engine: 'postgresql', admin: 'admin' };
  const traits = fc.record(
    {
      free: fc.boolean(),
      updates: fc.record({ plan: fc.boolean() }),
      bind: fc.constantFrom<JsonObject>(bind, { ...bind, rotatable: false }),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(traits, { minLength: 1, maxLength: 4 }), async (each) => {
      const plans = each.map((some, at) => ({ id: `plan-${at}`, name: `p${at}`, description: 'A', ...some }));
      const { services } = await documentOf({ bind: null, plans });
      for (const service of services) {
        for (const key of serviceBooleans) expect(service[key], key).toBeTypeOf('boolean');
        expect(service.bindable).toBe(service.plans.some((plan) => plan.bindable));
        expect(service.plan_updateable).toBe(service.plans.some((plan) => plan.plan_updateable));
        for (const [at, plan] of service.plans.entries()) {
          for (const key of planBooleans) expect(plan[key], key).toBeTypeOf('boolean');
          expect(plan.free).toBe(each[at]?.free ?? true);
          expect(plan.bindable).toBe(each[at]?.bind !== undefined);
        }
      }
    }),
    { numRuns: 25 },
  );
});

describe('Cloud Foundry', () => {
  it('refuses null and empty lists, so requires and dashboard_client are there only when they say something', async () => {
    const { service } = await firstOf({});
    expect(service).not.toHaveProperty('requires');
    expect(service).not.toHaveProperty('dashboard_client');
    expect(service.tags).toEqual([]);
    expect((await firstOf({ requires: [] })).service).not.toHaveProperty('requires');
  });

  it('takes maintenance_info with version and description alone, and plans without it', async () => {
    expect((await firstOf({})).plan).not.toHaveProperty('maintenance_info');
    const { plan } = await firstOf({ maintenance: { version: '2.0.0-rc.1+build.5' } });
    expect(plan.maintenance_info).toEqual({ version: '2.0.0-rc.1+build.5' });
  });

  it('takes maximum_polling_duration as an integer only', async () => {
    const polling = async (change: JsonObject) => (await firstOf(change)).plan.maximum_polling_duration;
    expect(await polling({ timeouts: { update: '1h' } })).toBe(2 * 3600 + 60);
    expect(await polling({ timeouts: { update: '1h' }, bind: null })).toBe(2 * 3600 + 60);
    expect(await polling({ timeouts: { deprovision: '1h' } })).toBe(3600 + 60);
    expect(await polling({ maximumPollingDuration: '15m' })).toBe(900);
    expect(await polling({ maximumPollingDuration: '12m' })).toBe(720);
  });
});

it('a plan that cannot be bound has no schema of bindings and cannot rotate them', async () => {
  const { plan, service } = await firstOf({ bind: null });
  expect(plan).toMatchObject({ bindable: false, binding_rotatable: false });
  expect(service.bindable).toBe(false);
  expect(JSON.stringify(plan)).not.toContain('service_binding');
});

it('the secret of a dashboard client is in the document and in no other print of the catalog', async () => {
  const { offerings, document } = await loadWith({
    dashboardClient: { id: 'dash', secret: 'hunter2', redirectUri: 'https://dash.example.com' },
  });
  expect(JSON.stringify(document)).toContain('hunter2');
  expect(JSON.stringify(offerings)).not.toContain('hunter2');
});
