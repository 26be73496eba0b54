/**
 * What platforms send, in OSBAPI's spelling, parsed into the requests of the use cases. Unknown fields are
 * ignored; nulls and empty values of real clients count as absent.
 */
import type { Request } from 'express';
import { z } from 'zod';
import { ChandlerError } from '../domain/errors.ts';
import type { OsbOptions } from '../domain/osb-options.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { BindRequest } from '../usecases/bind.ts';
import type { ChangeRequest } from '../usecases/caller.ts';
import type { ProvisionRequest } from '../usecases/provision.ts';
import type { UpdateRequest } from '../usecases/update.ts';
import { parseOriginatingIdentity } from './originating-identity.ts';
import { assertStorable } from './parse-json.ts';

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
/** Where absent is not the same as empty. */
const absentOrObject = jsonObject.nullish().transform((value) => value ?? undefined);
const maintenanceInfo = z.object({ version: optionalText }, { error: objectRule }).nullish();
/** Any platform and any keys are fine; only the name of the platform has a type of its own. */
const isContext = (value: JsonObject | undefined) =>
  value?.platform === undefined || typeof value.platform === 'string';
const contextRule = { error: 'must be a text', path: ['platform'] };
const context = optionalObject.refine(isContext, contextRule);

const provisionBody = z.object({
  service_id: text,
  plan_id: text,
  organization_guid: text,
  space_guid: text,
  context,
  parameters: optionalObject,
  maintenance_info: maintenanceInfo,
});
const provisionBodyOfAnyPlatform = provisionBody.extend({
  organization_guid: optionalText,
  space_guid: optionalText,
});

/** `previous_values` are not read: our own record wins. */
const updateBody = z.object({
  service_id: text,
  plan_id: optionalText,
  context: absentOrObject.refine(isContext, contextRule),
  parameters: absentOrObject,
  maintenance_info: maintenanceInfo,
});

const bindBody = z.object({
  service_id: optionalText,
  plan_id: optionalText,
  app_guid: optionalText,
  bind_resource: z.object({ app_guid: optionalText }, { error: objectRule }).nullish(),
  context,
  parameters: absentOrObject,
  predecessor_binding_id: optionalText,
});
/** Without a predecessor to take them from, a bind must name them. */
const firstBindBody = bindBody.extend({ service_id: text, plan_id: text });

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

export function parseProvision(
  request: Request,
  body: JsonObject,
  options: OsbOptions,
): Omit<ProvisionRequest, 'instanceId'> {
  const change = parseChange(request, options);
  const required = options.organizationAndSpace === 'required';
  const wire = parseBody(required ? provisionBody : provisionBodyOfAnyPlatform, body);
  const version = wire.maintenance_info?.version;
  return {
    ...change,
    serviceId: wire.service_id,
    planId: wire.plan_id,
    organizationGuid: wire.organization_guid ?? '',
    spaceGuid: wire.space_guid ?? '',
    context: wire.context,
    parameters: wire.parameters,
    ...(version === undefined ? {} : { maintenanceVersion: version }),
  };
}

export function parseUpdate(
  request: Request,
  body: JsonObject,
  options: OsbOptions,
): Omit<UpdateRequest, 'instanceId'> {
  const change = parseChange(request, options);
  const { service_id, plan_id, context, parameters, maintenance_info } = parseBody(updateBody, body);
  const version = maintenance_info?.version;
  return {
    ...change,
    serviceId: service_id,
    ...(plan_id === undefined ? {} : { planId: plan_id }),
    ...(context === undefined ? {} : { context }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(version === undefined ? {} : { maintenanceVersion: version }),
  };
}

export function parseBind(
  request: Request,
  body: JsonObject,
  options: OsbOptions,
): Omit<BindRequest, 'instanceId' | 'bindingId'> {
  const change = parseChange(request, options);
  const rotation = parseBody(bindBody.pick({ predecessor_binding_id: true }), body);
  const predecessor = rotation.predecessor_binding_id;
  const wire = parseBody(predecessor === undefined ? firstBindBody : bindBody, body);
  const appGuid = wire.app_guid ?? wire.bind_resource?.app_guid;
  // A first bind without parameters is one with none; a rotation without them takes those of its predecessor.
  const parameters = wire.parameters ?? (predecessor === undefined ? {} : undefined);
  return {
    ...change,
    context: wire.context,
    ...(wire.service_id === undefined ? {} : { serviceId: wire.service_id }),
    ...(wire.plan_id === undefined ? {} : { planId: wire.plan_id }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(predecessor === undefined ? {} : { predecessorBindingId: predecessor }),
    ...(appGuid === undefined ? {} : { appGuid }),
  };
}

/** A DELETE. Ids that are missing are left to the use case, which must look at other things before. */
export function parseDelete(
  request: Request,
  options: OsbOptions,
): ChangeRequest & { serviceId?: string; planId?: string } {
  const change = parseChange(request, options);
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

function parseChange(request: Request, options: OsbOptions): ChangeRequest {
  const acceptsIncomplete = parse(changeQuery, request.query).accepts_incomplete;
  const header = request.get('x-broker-api-originating-identity');
  const originatingIdentity = parseOriginatingIdentity(header, options);
  return {
    acceptsIncomplete,
    isAbandoned: () => request.socket.destroyed,
    ...(originatingIdentity === undefined ? {} : { originatingIdentity }),
  };
}

/** What is wrong with a field that nobody reads is nobody's fault: extensions of platforms may hold anything. */
function parseBody<Schema extends z.ZodObject>(schema: Schema, body: JsonObject): z.output<Schema> {
  const known = Object.entries(body).filter(([field]) => Object.hasOwn(schema.shape, field));
  assertStorable(Object.fromEntries(known));
  return parse(schema, body);
}

/** @throws ChandlerError `MalformedRequest` naming each field and what it must be */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.map(String).join('.')} ${issue.message}`);
  throw new ChandlerError('MalformedRequest', { sentence: `${problems.join('; ')}.`, cause: parsed.error });
}
