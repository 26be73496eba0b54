/**
 * What platforms send, in OSBAPI's spelling, parsed into the requests of the use cases. Unknown fields are ignored
 *; nulls and empty values of real clients count as absent.
 */
import type { Request } from 'express';
import { z } from 'zod';
import { ChandlerError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { BindRequest } from '../usecases/bind.ts';
import type { ChangeRequest } from '../usecases/caller.ts';
import type { ProvisionRequest } from '../usecases/provision.ts';
import { parseOriginatingIdentity } from './originating-identity.ts';

const longestText = 1000;
const textRule = `must be a non-empty string of at most ${longestText} characters`;

const text = z.string({ error: textRule }).min(1, textRule).max(longestText, textRule);
const objectRule = 'must be a JSON object';
const jsonObject = z.custom<JsonObject>((value) => isJsonObject(value as JsonValue), objectRule);

/** Absent, null and the empty string are the same. */
const optionalText = z
  .string({ error: `must be a string of at most ${longestText} characters` })
  .max(longestText, `must be a string of at most ${longestText} characters`)
  .nullish()
  .transform((value) => value || undefined);
const optionalObject = jsonObject.nullish().transform((value) => value ?? {});

const provisionBody = z.object({
  service_id: text,
  plan_id: text,
  organization_guid: text,
  space_guid: text,
  context: optionalObject,
  parameters: optionalObject,
  maintenance_info: z.object({ version: optionalText }, { error: objectRule }).nullish(),
});

const bindBody = z.object({
  service_id: text,
  plan_id: text,
  app_guid: optionalText,
  bind_resource: z.object({ app_guid: optionalText }, { error: objectRule }).nullish(),
  context: optionalObject,
  parameters: optionalObject,
  predecessor_binding_id: optionalText,
});

const changeQuery = z.object({
  accepts_incomplete: z
    .enum(['true', 'false', ''], { error: 'must be true or false' })
    .optional()
    .transform((value) => value === 'true'),
});

const deleteQuery = changeQuery.extend({
  service_id: z.string({ error: 'must be given once' }).optional(),
  plan_id: z.string({ error: 'must be given once' }).optional(),
});

export function parseProvision(request: Request, body: JsonObject): Omit<ProvisionRequest, 'instanceId'> {
  const change = parseChange(request);
  const wire = parse(provisionBody, body);
  const version = wire.maintenance_info?.version;
  return {
    ...change,
    serviceId: wire.service_id,
    planId: wire.plan_id,
    organizationGuid: wire.organization_guid,
    spaceGuid: wire.space_guid,
    context: wire.context,
    parameters: wire.parameters,
    ...(version === undefined ? {} : { maintenanceVersion: version }),
  };
}

export function parseBind(request: Request, body: JsonObject): Omit<BindRequest, 'instanceId' | 'bindingId'> {
  const change = parseChange(request);
  const wire = parse(bindBody, body);
  if (wire.predecessor_binding_id !== undefined) {
    throw new ChandlerError('MalformedRequest', {
      sentence:
        'predecessor_binding_id: this plan does not support the rotation of bindings. Make a new binding without it.',
    });
  }
  const appGuid = wire.app_guid ?? wire.bind_resource?.app_guid;
  return {
    ...change,
    serviceId: wire.service_id,
    planId: wire.plan_id,
    context: wire.context,
    parameters: wire.parameters,
    ...(appGuid === undefined ? {} : { appGuid }),
  };
}

/** A DELETE. Ids that are missing are left to the use case, which must look at other things before (item 22). */
export function parseDelete(request: Request): ChangeRequest & { serviceId?: string; planId?: string } {
  const change = parseChange(request);
  const wire = parse(deleteQuery, request.query);
  return {
    ...change,
    ...(wire.service_id ? { serviceId: wire.service_id } : {}),
    ...(wire.plan_id ? { planId: wire.plan_id } : {}),
  };
}

/** The token of a poll. It is a hint: nothing about it is an error, or platforms would take the operation as failed. */
export function parseOperationToken(request: Request): { operation?: string } {
  const { operation } = request.query;
  return typeof operation === 'string' ? { operation } : {};
}

function parseChange(request: Request): ChangeRequest {
  const acceptsIncomplete = parse(changeQuery, request.query).accepts_incomplete;
  const originatingIdentity = parseOriginatingIdentity(request.get('x-broker-api-originating-identity'));
  return { acceptsIncomplete, ...(originatingIdentity === undefined ? {} : { originatingIdentity }) };
}

/** @throws ChandlerError `MalformedRequest` naming each field and what it must be */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')} ${issue.message}`);
  throw new ChandlerError('MalformedRequest', { sentence: `${problems.join('; ')}.`, cause: parsed.error });
}
