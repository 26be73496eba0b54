/** A catalog made by hand, with one plan for each way in which a verb may finish. */
import type { Catalog } from '../../src/catalog/types.ts';
import type { PlanRevision, ServiceOffering, SyncSpec } from '../../src/domain/offering.ts';

const serviceId = 'service-pg';

const parametersSchema = {
  $schema: 'http://json-schema.org/draft-04/schema#',
  type: 'object',
  additionalProperties: false,
  properties: { storage: { type: 'string', maxLength: 20 }, replicas: { type: 'integer', minimum: 1 } },
};
const updateSchema = {
  ...parametersSchema,
  properties: { storage: { type: 'string', maxLength: 20 } },
};
const bindSchema = {
  $schema: 'http://json-schema.org/draft-04/schema#',
  type: 'object',
  additionalProperties: false,
  properties: { role: { type: 'string' } },
};

function revision(planId: string, sync: SyncSpec, rest: Partial<PlanRevision> = {}): PlanRevision {
  return {
    digest: `revision-of-${planId}`,
    serviceId,
    planId,
    serviceName: 'postgresql',
    planName: planId,
    maintenanceVersion: '1.4.0',
    set: {},
    parameterDefaults: {},
    schemas: { provision: parametersSchema, update: updateSchema, bind: bindSchema },
    generate: { admin: { password: { length: 32 } } },
    resources: [],
    outputs: {},
    bind: {
      engine: 'postgresql',
      admin: 'admin',
      connectionLimit: -1,
      rotatable: true,
      requiresApp: false,
      attachments: {},
    },
    updates: { plan: true, growOnly: ['storage'] },
    sync,
    timeouts: { provision: 600, update: 600, deprovision: 600, bind: 60, unbind: 60 },
    ...rest,
  };
}

const asyncOnly = { provision: false, update: false, deprovision: false, bind: false, unbind: false };
const { bind: _bind, ...unbindable } = revision('unbindable', asyncOnly);

/** `usual` is like the plans we ship: the instance takes its time, its bindings are quick. */
const revisions = {
  usual: revision('usual', { ...asyncOnly, bind: true, unbind: true }),
  slow: revision('slow', asyncOnly),
  quick: revision('quick', {
    provision: true,
    update: true,
    deprovision: true,
    bind: true,
    unbind: true,
  }),
  unbindable,
} satisfies Record<string, PlanRevision>;

const offering: ServiceOffering = {
  id: serviceId,
  name: 'postgresql',
  description: 'PostgreSQL',
  tags: [],
  requires: [],
  metadata: {},
  plans: Object.values(revisions).map((each) => ({
    id: each.planId,
    name: each.planName,
    description: each.planName,
    free: true,
    bindable: each.planId !== 'unbindable',
    planUpdateable: true,
    bindingRotatable: true,
    metadata: {},
    maintenance: { version: '1.4.0' },
    schemas: each.schemas,
    revision: each.digest,
  })),
};

export const testCatalog: Catalog = {
  offerings: [offering],
  compiledPlans: Object.values(revisions).map((each) => ({
    revision: each,
    charts: new Map(),
    locate: () => ({ file: 'catalog/postgresql.yaml', line: 1, column: 1 }),
  })),
  findOffering: (id) => (id === serviceId ? offering : undefined),
  findPlan: (service, id) => {
    const plan = service === serviceId ? offering.plans.find((each) => each.id === id) : undefined;
    const found = Object.values(revisions).find((each) => each.planId === id);
    return plan === undefined || found === undefined ? undefined : { plan, revision: found };
  },
  loadedAt: new Date(),
  document: { services: [{ id: serviceId, name: 'postgresql', plans: [] }] },
};
