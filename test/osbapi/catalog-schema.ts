/**
 * What Cloud Foundry, Service Catalog and Korifi decode of a catalog document, as one JSON Schema: everything that one
 * of them refuses, or takes for something else when it is absent.
 */
import { Ajv, type ErrorObject } from 'ajv';
import type { JsonObject } from '../../src/lib/json.ts';

/** Service Catalog keeps names and ids as labels. */
const id = { type: 'string', pattern: '^[A-Za-z0-9._~-]{1,63}$' };
/** osb-checker-kotlin knows only these characters. */
const name = { type: 'string', pattern: '^[a-z0-9-]{1,63}$' };
const text = { type: 'string', minLength: 1, maxLength: 255 };
const boolean = { type: 'boolean' };
const object = (properties: JsonObject, required: string[] = Object.keys(properties)): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const list = (items: JsonObject, rest: JsonObject = {}): JsonObject => ({ type: 'array', items, ...rest });

/** Cloud Foundry takes draft-04 and draft-06, Service Catalog draft-04. */
const parameters = object({
  parameters: {
    type: 'object',
    properties: {
      $schema: { const: 'http://json-schema.org/draft-04/schema#' },
      type: { const: 'object' },
      required: list({ type: 'string' }, { minItems: 1 }),
    },
    required: ['$schema', 'type'],
  },
});

/** Korifi panics when `documentationUrl` is no string; osb-checker-kotlin knows of a provider only its name. */
const serviceMetadata = {
  type: 'object',
  properties: {
    displayName: text,
    imageUrl: { type: 'string' },
    longDescription: { type: 'string' },
    providerDisplayName: text,
    documentationUrl: { type: 'string' },
    supportUrl: { type: 'string' },
    shareable: boolean,
    listing: { type: 'string' },
    provider: object({ name: { type: 'string' } }),
  },
};

const planMetadata = {
  type: 'object',
  properties: {
    displayName: text,
    bullets: list(text),
    costs: list(
      object({
        amount: { type: 'object', additionalProperties: { type: 'number' }, minProperties: 1 },
        unit: text,
      }),
    ),
  },
};

const plan = object(
  {
    id,
    name,
    description: text,
    metadata: planMetadata,
    // Korifi reads each absent one as false, Service Catalog `free`.
    free: boolean,
    bindable: boolean,
    plan_updateable: boolean,
    binding_rotatable: boolean,
    schemas: object(
      {
        service_instance: object({ create: parameters, update: parameters }),
        service_binding: object({ create: parameters }),
      },
      ['service_instance'],
    ),
    maximum_polling_duration: { type: 'integer', minimum: 1 },
    maintenance_info: object(
      { version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+' }, description: text },
      ['version'],
    ),
  },
  ['id', 'name', 'description', 'free', 'bindable', 'plan_updateable', 'binding_rotatable', 'schemas'],
);

const service = object(
  {
    id,
    name,
    description: text,
    // Cloud Foundry refuses null and, of `requires`, an empty list.
    tags: list(text),
    requires: list({ enum: ['syslog_drain', 'route_forwarding', 'volume_mount'] }, { minItems: 1 }),
    bindable: boolean,
    instances_retrievable: boolean,
    bindings_retrievable: boolean,
    allow_context_updates: boolean,
    plan_updateable: boolean,
    metadata: serviceMetadata,
    dashboard_client: object({
      id: text,
      secret: text,
      redirect_uri: { type: 'string', pattern: '^https?://' },
    }),
    plans: list(plan, { minItems: 1 }),
  },
  [
    'id',
    'name',
    'description',
    'tags',
    'bindable',
    'instances_retrievable',
    'bindings_retrievable',
    'allow_context_updates',
    'plan_updateable',
    'plans',
  ],
);

const validate = new Ajv({ allErrors: true }).compile(object({ services: list(service, { minItems: 1 }) }));

/** What platforms would refuse, as places in the document and what is wrong there. */
export function complaintsOfPlatforms(document: JsonObject): string[] {
  if (validate(document)) return [];
  const sentence = ({ instancePath, message }: ErrorObject) => `${instancePath} ${message ?? ''}`;
  return (validate.errors ?? []).map(sentence);
}
