/** The shape of a catalog file (`kind: ServiceOffering`), checked after plan and offering were merged. */
import { z } from 'zod';
import { isCelIdentifier } from '../template/cel-expression.ts';
import { parseDuration } from './duration.ts';

const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/** Ids stay within what a URL carries unescaped; Service Catalog allows 63 characters. */
const id = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,63}$/, 'must be 1 to 63 letters, digits, "-", ".", "_" or "~"');
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and "-", at most 63');
const description = z.string().min(1).max(255);
const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 30s, 10m or 1h');
const identifier = z
  .string()
  .refine(
    isCelIdentifier,
    'must be an identifier that expressions can read: letters, digits and "_", no reserved word such as namespace or package',
  );
const parameterName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_]{0,62}$/,
    'must be letters, digits and "_", at most 63, and begin with a letter',
  );

/** Clients read some keys of metadata and fail when they are no texts. */
const metadataTexts = [
  'displayName',
  'imageUrl',
  'longDescription',
  'providerDisplayName',
  'documentationUrl',
  'supportUrl',
];
const metadata = z.record(z.string(), z.json()).superRefine((value, context) => {
  for (const key of metadataTexts) {
    if (value[key] !== undefined && typeof value[key] !== 'string') {
      context.addIssue({ code: 'custom', path: [key], message: 'must be a text' });
    }
  }
  if (value.shareable !== undefined && typeof value.shareable !== 'boolean') {
    context.addIssue({ code: 'custom', path: ['shareable'], message: 'must be true or false' });
  }
});

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});

const parameter = z.strictObject({
  type: z.enum(['string', 'integer', 'number', 'boolean', 'quantity']),
  description: z.string().max(1000).optional(),
  default: scalar.optional(),
  /** Without a default: whether the user must give it. */
  required: z.boolean().default(false),
  minimum: z.union([z.number(), z.string()]).optional(),
  maximum: z.union([z.number(), z.string()]).optional(),
  enum: z.array(scalar).min(1).optional(),
  pattern: z.string().optional(),
  maxLength: z.int().min(1).max(65_536).optional(),
  update: z.enum(['allowed', 'grow-only', 'never']).optional(),
});
export type ParameterDefinition = z.infer<typeof parameter>;

const generator = z.strictObject({
  password: z.strictObject({ length: z.int().min(16).max(128).default(32) }),
});

const resource = z
  .strictObject({
    id: identifier,
    secret: z
      .record(z.string().regex(/^[-._A-Za-z0-9]{1,253}$/, 'must be a key of a Secret'), z.string())
      .optional(),
    helm: z
      .strictObject({
        chart: z.string().min(1),
        mode: z.literal('render').default('render'),
        values: z.record(z.string(), z.json()).default({}),
      })
      .optional(),
    readyWhen: z.array(z.string()).default([]),
  })
  .superRefine((value, context) => {
    if ((value.secret === undefined) === (value.helm === undefined)) {
      context.addIssue({
        code: 'custom',
        path: [],
        message: 'a resource needs exactly one of: secret, helm',
      });
    }
  });

const bind = z.strictObject({
  engine: z.literal('postgresql'),
  admin: z.string(),
  connectionLimit: z.int().min(-1).default(-1),
});

const sync = z.strictObject({
  provision: z.boolean().default(false),
  deprovision: z.boolean().default(false),
  bind: z.boolean().default(false),
  unbind: z.boolean().default(false),
});

const timeouts = z.strictObject({
  provision: duration.default('10m'),
  deprovision: duration.default('10m'),
  bind: duration.default('2m'),
  unbind: duration.default('2m'),
});

const maintenance = z.strictObject({
  version: z.string().regex(semanticVersion, 'must be a semantic version such as 1.4.0'),
  description: z.string().max(255).optional(),
});

/** What offering and plan may both say; the plan's word wins. */
const definition = {
  metadata: metadata.default({}),
  set: z.record(z.string(), z.json()).default({}),
  maintenance: maintenance.optional(),
  parameters: z.record(parameterName, parameter).default({}),
  generate: z.record(identifier, generator).default({}),
  resources: z.array(resource).min(1),
  outputs: z.record(z.string(), z.json()).default({}),
  bind: bind.optional(),
  sync: sync.prefault({}),
  timeouts: timeouts.prefault({}),
  placement: z
    .strictObject({ namespace: z.strictObject({ mode: z.literal('per-instance') }) })
    .default({ namespace: { mode: 'per-instance' } }),
  deletion: z.strictObject({ data: z.literal('delete') }).default({ data: 'delete' }),
};

/** A plan after the offering's definition was laid under it. */
export const planSchema = z.strictObject({
  id,
  name,
  description,
  free: z.boolean().default(true),
  ...definition,
});
export type PlanDefinition = z.infer<typeof planSchema>;

const anything = z.json().optional();
const definitionKeys = Object.keys(definition) as (keyof typeof definition)[];
/** What the file says of the offering itself. `metadata` stays with the offering; the rest of a definition is for plans. */
export const inheritedKeys = definitionKeys.filter((key) => key !== 'metadata');

/** The offering's own part; what plans inherit is checked with each plan. */
export const offeringSchema = z.strictObject({
  apiVersion: z.literal('chandler.dev/v1'),
  kind: z.literal('ServiceOffering'),
  id,
  name,
  description,
  tags: z.array(z.string().min(1).max(255)).default([]),
  metadata: metadata.default({}),
  plans: z.array(z.record(z.string(), z.json())).min(1),
  ...(Object.fromEntries(inheritedKeys.map((key) => [key, anything])) as Record<
    Exclude<keyof typeof definition, 'metadata'>,
    typeof anything
  >),
});
export type OfferingHead = z.infer<typeof offeringSchema>;
