/** What is wrong with a catalog. */
import { change, type Mutant } from './types.ts';

const plan = 'reference/quick';
const file = 'catalog';
const appTags = "tags: ['reference'],";
const appPolling = 'binding_rotatable: false,\n    maximum_polling_duration: 600,';
const services = 'const services = [reference, referenceApp];';
const version = "'Takes its time, and is larger.', '2.1.0'";

export const catalogMutants: readonly Mutant[] = [
  {
    id: 'catalog-null-service',
    ...{ items: [23], plan, caughtBy: ['catalog-shape'] },
    what: 'has null among its services',
    changes: [change(file, 'body: { services }', 'body: { services: [...services, null] }')],
  },
  {
    id: 'service-without-description',
    ...{ items: [24], plan, caughtBy: ['catalog-service-fields'] },
    what: 'describes a service with nothing',
    changes: [change(file, "'An imaginary service that gives credentials to applications only.'", "''")],
  },
  {
    id: 'service-without-bindable',
    ...{ items: [24], plan, caughtBy: ['catalog-service-fields'] },
    what: 'does not say whether a service is bindable',
    changes: [change(file, `${appTags}\n  bindable: true,`, appTags)],
  },
  {
    id: 'service-without-plans',
    ...{ items: [24], plan, caughtBy: ['catalog-service-plans'] },
    what: 'offers a service without plans',
    changes: [
      change(
        file,
        services,
        "const services = [reference, referenceApp, { ...referenceApp, id: 'empty', name: 'empty', plans: [] }];",
      ),
    ],
  },
  {
    id: 'service-names-twice',
    ...{ items: [24], plan, caughtBy: ['catalog-service-unique'] },
    what: 'has two services of one name',
    changes: [change(file, "name: 'reference-app',", "name: 'reference',")],
  },
  {
    id: 'service-ids-twice',
    ...{ items: [24], plan, caughtBy: ['catalog-service-unique', 'catalog-plan-unique'] },
    what: 'has two services of one id',
    changes: [
      change(
        file,
        services,
        "const services = [reference, referenceApp, { ...referenceApp, name: 'again', plans: referenceApp.plans.map((plan) => ({ ...plan, id: 'again-' + plan.id })) }];",
      ),
    ],
  },
  {
    id: 'plan-without-description',
    ...{ items: [25], plan, caughtBy: ['catalog-plan-fields'] },
    what: 'describes a plan with nothing',
    changes: [change(file, "'Bound to an application.'", "''")],
  },
  {
    id: 'plan-ids-twice',
    ...{ items: [25], plan, caughtBy: ['catalog-plan-unique'] },
    what: 'has two plans of one id',
    changes: [
      change(file, "'f2d6bae4-75c9-4018-b3e2-4f5a6b7c8d06'", "'e1c5a9d3-64b8-4f07-a2d1-3e4f5a6b7c05'"),
    ],
  },
  {
    id: 'plan-names-twice',
    ...{ items: [25], plan, caughtBy: ['catalog-plan-unique'] },
    what: 'has two plans of one name in a service',
    changes: [change(file, "'unbindable',", "'app',")],
  },
  {
    id: 'ids-made-anew',
    ...{ items: [26], plan, caughtBy: ['catalog-stable'] },
    what: 'gives a service another id in each answer',
    changes: [
      change(
        file,
        'body: { services }',
        "body: { services: [reference, { ...referenceApp, id: 'app-' + process.hrtime.bigint() }] }",
      ),
    ],
  },
  {
    id: 'names-with-spaces',
    ...{ items: [26], plan, caughtBy: ['catalog-names'] },
    what: 'gives a plan a name with a space',
    changes: [change(file, "'quick-large'", "'quick large'")],
  },
  {
    id: 'names-too-long',
    ...{ items: [26], plan, caughtBy: ['catalog-names-short'] },
    what: 'gives a plan a name of 70 characters',
    changes: [change(file, "'quick-large'", "'l'.repeat(70)")],
  },
  {
    id: 'strings-too-long',
    ...{ items: [27], plan, caughtBy: ['catalog-strings'] },
    what: 'describes a plan with 300 characters',
    changes: [change(file, "'At once, and larger.'", "'x'.repeat(300)")],
  },
  {
    id: 'tags-too-long',
    ...{ items: [27], plan, caughtBy: ['catalog-tags-short'] },
    what: 'has tags of more than 2,048 characters',
    changes: [change(file, "tags: ['reference', 'memory'],", "tags: ['reference', 'x'.repeat(2048)],")],
  },
  {
    id: 'requires-anything',
    ...{ items: [28], plan, caughtBy: ['catalog-requires'] },
    what: 'requires a permission that the specification does not have',
    changes: [change(file, appTags, `${appTags}\n  requires: ['root'],`)],
  },
  {
    id: 'tags-no-list',
    ...{ items: [28], plan, caughtBy: ['catalog-lists'] },
    what: 'has tags that are no list',
    changes: [change(file, appTags, "tags: 'reference',")],
  },
  {
    id: 'flags-of-text',
    ...{ items: [29], plan, caughtBy: ['catalog-flags'] },
    what: 'writes a flag of a service as text',
    changes: [change(file, 'allow_context_updates: false,', "allow_context_updates: 'false',")],
  },
  {
    id: 'flags-of-plans-of-text',
    ...{ items: [29], plan, caughtBy: ['catalog-flags'] },
    what: 'writes a flag of a plan as a number',
    changes: [change(file, 'free: false,', 'free: 0,')],
  },
  {
    id: 'flags-left-out',
    ...{ items: [30], plan, caughtBy: ['catalog-flags-explicit'] },
    what: 'does not say whether a plan is free',
    changes: [change(file, 'free: false,', '')],
  },
  {
    id: 'polling-of-text',
    ...{ items: [31], plan, caughtBy: ['catalog-polling'] },
    what: 'writes maximum_polling_duration as text',
    changes: [change(file, appPolling, "binding_rotatable: false,\n    maximum_polling_duration: '600',")],
  },
  {
    id: 'polling-of-halves',
    ...{ items: [31], plan, caughtBy: ['catalog-polling'] },
    what: 'writes maximum_polling_duration with a fraction',
    changes: [change(file, appPolling, 'binding_rotatable: false,\n    maximum_polling_duration: 0.5,')],
  },
  {
    id: 'version-of-two-numbers',
    ...{ items: [32], plan, caughtBy: ['catalog-maintenance'] },
    what: 'has a maintenance_info.version of two numbers',
    changes: [change(file, version, "'Takes its time, and is larger.', '2.1'")],
  },
  {
    id: 'version-with-v',
    ...{ items: [32], plan, caughtBy: ['catalog-maintenance'] },
    what: 'has a maintenance_info.version that begins with v',
    changes: [change(file, version, "'Takes its time, and is larger.', 'v2.1.0'")],
  },
  {
    id: 'maintenance-with-more',
    ...{ items: [32], plan, caughtBy: ['catalog-maintenance-keys'] },
    what: 'puts a date into maintenance_info',
    changes: [
      change(
        file,
        'maintenance_info: { version, description',
        "maintenance_info: { version, since: '2025', description",
      ),
    ],
  },
  {
    id: 'schema-without-dialect',
    ...{ items: [33], plan, caughtBy: ['catalog-schema-dialect'] },
    what: 'has a schema without $schema',
    changes: [
      change(
        file,
        'const bindingParameters = schemaOf({',
        'const { $schema: _, ...bindingParameters } = schemaOf({',
      ),
    ],
  },
  {
    id: 'schema-elsewhere',
    ...{ items: [33], plan, caughtBy: ['catalog-schema-references'] },
    what: 'has a schema that refers to another document',
    changes: [
      change(
        file,
        "role: { type: 'string',",
        "role: { $ref: 'https://reference.example/role.json', type: 'string',",
      ),
    ],
  },
  {
    id: 'schema-too-large',
    ...{ items: [33], plan, caughtBy: ['catalog-schema-size'] },
    what: 'has a schema of more than 64 kB',
    changes: [change(file, "description: 'What the credentials may do.'", "description: 'x'.repeat(70_000)")],
  },
  {
    id: 'schema-too-new',
    ...{ items: [33], plan, caughtBy: ['catalog-schema-draft'] },
    what: 'has schemas of a draft that Cloud Foundry does not know',
    changes: [
      change(
        file,
        "$schema: 'http://json-schema.org/draft-04/schema#',",
        "$schema: 'http://json-schema.org/draft-07/schema#',",
      ),
    ],
  },
  {
    id: 'schema-not-valid',
    ...{ items: [33], plan, caughtBy: ['catalog-schema-valid'] },
    what: 'has a schema that its metaschema forbids',
    changes: [change(file, 'minimum: 1, maximum: 10,', 'minimum: 1, exclusiveMinimum: 0, maximum: 10,')],
  },
  {
    id: 'metadata-of-text',
    ...{ items: [34], plan, caughtBy: ['catalog-metadata'] },
    what: 'has metadata that are no object',
    changes: [
      change(
        file,
        "metadata: { displayName: 'Reference for apps', documentationUrl: 'https://reference.example/docs/apps' }",
        "metadata: 'Reference for apps'",
      ),
    ],
  },
  {
    id: 'metadata-null',
    ...{ items: [29, 31, 34], plan, caughtBy: ['catalog-no-nulls'] },
    what: 'writes null for metadata that it does not have',
    changes: [
      change(
        file,
        "metadata: { displayName: 'Reference for apps', documentationUrl: 'https://reference.example/docs/apps' }",
        'metadata: null',
      ),
    ],
  },
  {
    id: 'polling-null',
    ...{ items: [31], plan, caughtBy: ['catalog-no-nulls'] },
    what: 'writes null for maximum_polling_duration',
    changes: [change(file, appPolling, 'binding_rotatable: false,\n    maximum_polling_duration: null,')],
  },
  {
    id: 'documentation-no-text',
    ...{ items: [34], plan, caughtBy: ['catalog-metadata-texts'] },
    what: 'has a documentationUrl that is no text',
    changes: [change(file, "'https://reference.example/docs/apps'", 'null')],
  },
  {
    id: 'costs-of-text',
    ...{ items: [34], plan, caughtBy: ['catalog-costs'] },
    what: 'has costs whose amount is text',
    changes: [
      change(
        file,
        `${appPolling}\n    metadata: { displayName: name,`,
        `${appPolling}\n    metadata: { displayName: name, costs: [{ amount: { usd: '99' }, unit: 'MONTHLY' }],`,
      ),
    ],
  },
  {
    id: 'half-a-dashboard-client',
    ...{ items: [35], plan, caughtBy: ['catalog-dashboard-client'] },
    what: 'has a dashboard_client without secret',
    changes: [
      change(
        file,
        appTags,
        `${appTags}\n  dashboard_client: { id: 'client', redirect_uri: 'https://reference.example' },`,
      ),
    ],
  },
  {
    id: 'dashboard-clients-alike',
    ...{ items: [35], plan, caughtBy: ['catalog-dashboard-client'] },
    what: 'has two dashboard clients of one id',
    changes: [
      change(
        file,
        services,
        "const dashboard_client = { id: 'client', secret: 'secret', redirect_uri: 'https://reference.example' };\nconst services = [{ ...reference, dashboard_client }, { ...referenceApp, dashboard_client }];",
      ),
    ],
  },
  {
    id: 'etag-for-nothing',
    ...{ items: [36], plan, caughtBy: ['catalog-not-modified'] },
    what: 'sends an ETag and never answers 304',
    changes: [change(file, "if (known.includes(etag) || known.includes('*'))", 'if (known.length > 1000)')],
  },
];
