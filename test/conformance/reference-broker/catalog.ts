/** What this broker offers. */
import { createHash } from 'node:crypto';
import type { Answer, Call } from './call.ts';
import type { ParameterSchema } from './parameters.ts';

export interface Plan {
  id: string;
  name: string;
  description: string;
  // Explicit, since Korifi and Service Catalog read absent ones as false. [30]
  free: boolean;
  bindable: boolean;
  plan_updateable: boolean;
  binding_rotatable: boolean;
  maximum_polling_duration: number;
  maintenance_info?: { version: string; description: string };
  schemas?: {
    service_instance: { create: { parameters: ParameterSchema }; update: { parameters: ParameterSchema } };
    service_binding: { create: { parameters: ParameterSchema } };
  };
  metadata: { displayName: string; bullets: string[] };
}

export interface Service {
  id: string;
  name: string;
  description: string;
  tags: string[];
  bindable: boolean;
  plan_updateable: boolean;
  instances_retrievable: boolean;
  bindings_retrievable: boolean;
  allow_context_updates: boolean;
  metadata: Record<string, string | boolean | Record<string, string>>;
  plans: Plan[];
}

function schemaOf(properties: ParameterSchema['properties']): ParameterSchema {
  // Platforms need not know a later draft. [33]
  return {
    $schema: 'http://json-schema.org/draft-04/schema#',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}

const instanceParameters = schemaOf({
  size: { type: 'integer', minimum: 1, maximum: 10, description: 'Size in units.' },
  name: { type: 'string', enum: ['alpha', 'beta'], description: 'Name of the data set.' },
  notes: { type: 'string', description: 'Free text; "please fail" makes an asynchronous operation fail.' },
});

const bindingParameters = schemaOf({
  role: { type: 'string', enum: ['reader', 'writer'], description: 'What the credentials may do.' },
});

function planOfReference(id: string, name: string, description: string, version: string): Plan {
  return {
    id,
    name,
    description,
    free: true,
    bindable: true,
    plan_updateable: true,
    binding_rotatable: true,
    maximum_polling_duration: 600,
    maintenance_info: { version, description: `Reference release ${version}.` },
    schemas: {
      service_instance: {
        create: { parameters: instanceParameters },
        update: { parameters: instanceParameters },
      },
      service_binding: { create: { parameters: bindingParameters } },
    },
    metadata: { displayName: name, bullets: [description] },
  };
}

function planOfReferenceApp(id: string, name: string, description: string, bindable: boolean): Plan {
  return {
    id,
    name,
    description,
    free: false,
    bindable,
    plan_updateable: false,
    binding_rotatable: false,
    maximum_polling_duration: 600,
    metadata: { displayName: name, bullets: [description] },
  };
}

const slowId = '6f0c2d5e-8f4b-4a53-9d55-0c6f5b1a7e03';
const slowLargeId = 'b7d9f2aa-1d6e-4c0c-8a34-5e2f90c4d704';

const reference: Service = {
  id: '3c1f7a52-52fd-4e0d-9f5c-1a2b3c4d5e01',
  name: 'reference',
  description: 'An imaginary data service that follows every rule.',
  tags: ['reference', 'memory'],
  bindable: true,
  plan_updateable: true,
  instances_retrievable: true,
  bindings_retrievable: true,
  allow_context_updates: true,
  metadata: {
    displayName: 'Reference',
    longDescription: 'Keeps nothing but its own books, and those in memory.',
    providerDisplayName: 'Reference broker',
    documentationUrl: 'https://reference.example/docs',
    supportUrl: 'https://reference.example/support',
    imageUrl: 'https://reference.example/reference.png',
    shareable: false,
  },
  plans: [
    planOfReference('a3e8b1c4-7b0a-4a4d-b1d2-9f0e1d2c3b01', 'quick', 'Everything is done at once.', '1.0.0'),
    planOfReference('d94e6f70-3f1b-4bb2-8c9e-2b3a4c5d6e02', 'quick-large', 'At once, and larger.', '1.1.0'),
    planOfReference(slowId, 'slow', 'Everything takes its time.', '2.0.0'),
    planOfReference(slowLargeId, 'slow-large', 'Takes its time, and is larger.', '2.1.0'),
  ],
};

const referenceApp: Service = {
  id: '58b2f6de-0a9c-4f3b-bb6a-7c8d9e0f1a02',
  name: 'reference-app',
  description: 'An imaginary service that gives credentials to applications only.',
  tags: ['reference'],
  bindable: true,
  plan_updateable: false,
  instances_retrievable: true,
  bindings_retrievable: true,
  allow_context_updates: false,
  metadata: { displayName: 'Reference for apps', documentationUrl: 'https://reference.example/docs/apps' },
  plans: [
    planOfReferenceApp('e1c5a9d3-64b8-4f07-a2d1-3e4f5a6b7c05', 'app', 'Bound to an application.', true),
    planOfReferenceApp('f2d6bae4-75c9-4018-b3e2-4f5a6b7c8d06', 'unbindable', 'Has no credentials.', false),
  ],
};

const services = [reference, referenceApp];

export function findService(id: string): Service | undefined {
  return services.find((service) => service.id === id);
}

/** A plan belongs to one service: that of another is as good as unknown. [39] */
export function findPlan(serviceId: string, id: string): Plan | undefined {
  return findService(serviceId)?.plans.find((plan) => plan.id === id);
}

export function isAsynchronous(planId: string): boolean {
  return planId === slowId || planId === slowLargeId;
}

export function needsApp(serviceId: string): boolean {
  return serviceId === referenceApp.id;
}

/** A platform that knows this very catalog need not read it again. [36] */
export function getCatalog({ ifNoneMatch }: Call): Answer {
  const etag = `"${createHash('sha256').update(JSON.stringify(services)).digest('hex').slice(0, 32)}"`;
  const known = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  if (known.includes(etag) || known.includes('*')) return { status: 304, body: {}, headers: { ETag: etag } };
  return { status: 200, body: { services }, headers: { ETag: etag } };
}
