/** The shape of a catalog file (`kind: ServiceOffering`), checked after plan and offering were merged. */
import { z } from 'zod';
import { bindDefinition } from './bind-definition.ts';
import { duration } from './duration.ts';
import { metadataDefinition } from './metadata-definition.ts';
import { instanceParameter, parameterName } from './parameter-definition.ts';
import { policyDefinition } from './policy-definition.ts';
import { identifier, resourceDefinition } from './resource-definition.ts';

/** What the Chandler that loads a catalog can make, by name. */
export interface CatalogKinds {
  /** Credentials providers: what `bind.engine` may say. */
  readonly engines: readonly string[];
  /** Provisioners outside of clusters: further kinds of resources. */
  readonly provisioners: readonly string[];
}

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

/** Cloud Foundry's limit for all tags of an offering together. */
const longestTags = 2048;
/** Cloud Foundry's limit for maintenance_info as JSON. */
const longestMaintenance = 2000;

const generator = z.strictObject({
  password: z.strictObject({ length: z.int().min(16).max(128).default(32) }),
});

const updates = z.strictObject({
  plan: z
    .union([z.boolean(), z.array(z.string()).min(1)], {
      error: 'must be true, false or a list of names of plans',
    })
    .default(false),
  rules: z
    .array(z.strictObject({ rule: z.string().min(1), message: z.string().min(1).max(1000) }))
    .default([]),
});

const sync = z.strictObject({
  provision: z.boolean().default(false),
  update: z.boolean().default(false),
  deprovision: z.boolean().default(false),
  bind: z.boolean().default(false),
  unbind: z.boolean().default(false),
});

const timeouts = z.strictObject({
  provision: duration.default('10m'),
  update: duration.default('10m'),
  deprovision: duration.default('10m'),
  bind: duration.default('2m'),
  unbind: duration.default('2m'),
  trouble: duration.optional(),
});

const maintenance = z
  .strictObject({
    version: z.string().regex(semanticVersion, 'must be a semantic version such as 1.4.0'),
    description: z.string().max(255).optional(),
  })
  .refine(
    (value) => JSON.stringify(value).length <= longestMaintenance,
    `must not be longer than ${longestMaintenance} characters as JSON`,
  );

/** What offering and plan may both say; the plan's word wins. */
function definition({ engines, provisioners }: CatalogKinds) {
  return {
    metadata: metadataDefinition.default({}),
    set: z.record(z.string(), z.json()).default({}),
    maintenance: maintenance.optional(),
    parameters: z.record(parameterName, instanceParameter).default({}),
    generate: z.record(identifier, generator).default({}),
    resources: z.array(resourceDefinition(provisioners)).min(1),
    outputs: z.record(z.string(), z.json()).default({}),
    bind: bindDefinition(engines).optional(),
    dashboardUrl: z.string().min(1).optional(),
    updates: updates.prefault({}),
    sync: sync.prefault({}),
    timeouts: timeouts.prefault({}),
    drift: z.enum(['report', 'repair']).default('report'),
    policy: policyDefinition.optional(),
    maximumPollingDuration: duration.optional(),
    placement: z
      .strictObject({ namespace: z.strictObject({ mode: z.literal('per-instance') }) })
      .default({ namespace: { mode: 'per-instance' } }),
    deletion: z.strictObject({ data: z.literal('delete') }).default({ data: 'delete' }),
  };
}
type Definition = ReturnType<typeof definition>;

/** A plan after the offering's definition was laid under it. */
export function planSchema(kinds: CatalogKinds) {
  return z.strictObject({
    id,
    name,
    description,
    free: z.boolean().default(true),
    ...definition(kinds),
  });
}
export type PlanDefinition = z.infer<ReturnType<typeof planSchema>>;

/** OSBAPI profile, "Dashboard Client Object". Cloud Foundry wants all three. */
const dashboardClient = z.strictObject({
  id: z.string().min(1).max(255),
  secret: z.string().min(1).max(255),
  redirectUri: z
    .string()
    .max(255)
    .refine(
      (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
      'must be a URL that begins with https: or http:',
    ),
});

const anything = z.json().optional();
const definitionKeys = Object.keys(definition({ engines: [], provisioners: [] })) as (keyof Definition)[];
/** What the file says of the offering itself. `metadata` stays with the offering; the rest of a definition is for plans. */
export const inheritedKeys = definitionKeys.filter((key) => key !== 'metadata');

/** The offering's own part; what plans inherit is checked with each plan. */
export const offeringSchema = z.strictObject({
  apiVersion: z.literal('chandler.dev/v1'),
  kind: z.literal('ServiceOffering'),
  id,
  name,
  description,
  tags: z
    .array(z.string().min(1).max(255))
    .refine(
      (tags) => tags.join('').length <= longestTags,
      `must not be longer than ${longestTags} characters together`,
    )
    .default([]),
  requires: z.array(z.enum(['syslog_drain', 'route_forwarding', 'volume_mount'])).default([]),
  metadata: metadataDefinition.default({}),
  dashboardClient: dashboardClient.optional(),
  plans: z.array(z.record(z.string(), z.json())).min(1),
  ...(Object.fromEntries(inheritedKeys.map((key) => [key, anything])) as Record<
    Exclude<keyof Definition, 'metadata'>,
    typeof anything
  >),
});
export type OfferingHead = z.infer<typeof offeringSchema>;
