import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../json.ts';
import type { PlanOnOffer } from '../plan-on-offer.ts';
import type { BindingFacts, InstanceFacts, Platform, UpdateFacts } from './platform.ts';

/** The examples of the specification, for a platform that nobody has heard of. */
export const specification: Platform = {
  name: 'specification',
  headers: (endpoint) => ({
    'x-broker-api-version': '2.17',
    'x-broker-api-request-identity': randomUUID(),
    ...(endpoint === 'catalog'
      ? {}
      : {
          'x-broker-api-originating-identity': originatingIdentity('conformance-check', {
            user_id: 'checker',
          }),
        }),
    ...jsonBody(endpoint),
  }),
  provision: (facts) => ({ query: asynchronous, body: provisionBody(facts) }),
  update: (facts) => ({ query: asynchronous, body: updateBody(facts) }),
  deprovision: (plan) => ({ query: { ...idsOf(plan), ...asynchronous } }),
  bind: (facts) => ({ query: asynchronous, body: bindBody(facts) }),
  unbind: (plan) => ({ query: { ...idsOf(plan), ...asynchronous } }),
  poll: (plan, operation) => ({ query: { ...idsOf(plan), operation } }),
  fetch: (plan) => ({ query: idsOf(plan) }),
  pollsUpdateWith: 'old plan',
};

export const asynchronous = { accepts_incomplete: 'true' };

export function idsOf(plan: PlanOnOffer): { service_id: string; plan_id: string } {
  return { service_id: plan.serviceId, plan_id: plan.planId };
}

/** Platforms say what a body is only where they send one. */
export function jsonBody(endpoint: string): Record<string, string> {
  return ['provision', 'update', 'bind'].includes(endpoint) ? { 'content-type': 'application/json' } : {};
}

/** Value of X-Broker-API-Originating-Identity (spec, "Originating Identity"). */
export function originatingIdentity(platform: string, value: JsonObject): string {
  return `${platform} ${Buffer.from(JSON.stringify(value)).toString('base64')}`;
}

function maintenanceOf(plan: PlanOnOffer): JsonObject {
  return plan.maintenanceVersion === undefined
    ? {}
    : { maintenance_info: { version: plan.maintenanceVersion } };
}

export function parametersOf(parameters: JsonObject | undefined): JsonObject {
  return parameters === undefined ? {} : { parameters };
}

function contextOf({ organizationId, spaceId, context }: InstanceFacts['place']): JsonObject {
  return {
    platform: 'conformance-check',
    organization_guid: organizationId,
    space_guid: spaceId,
    ...context,
  };
}

function provisionBody({ plan, place, name, parameters }: InstanceFacts): JsonObject {
  return {
    ...idsOf(plan),
    context: { ...contextOf(place), instance_name: name },
    organization_guid: place.organizationId,
    space_guid: place.spaceId,
    ...parametersOf(parameters),
    ...maintenanceOf(plan),
  };
}

function updateBody({ plan, target, place, name, parameters }: UpdateFacts): JsonObject {
  return {
    service_id: plan.serviceId,
    ...(target === undefined ? {} : { plan_id: target.planId }),
    context: { ...contextOf(place), instance_name: name },
    ...parametersOf(parameters),
    previous_values: { ...idsOf(plan), organization_id: place.organizationId, space_id: place.spaceId },
  };
}

function bindBody({ plan, place, appId, parameters }: BindingFacts): JsonObject {
  return {
    ...idsOf(plan),
    context: contextOf(place),
    bind_resource: { app_guid: appId },
    ...parametersOf(parameters),
  };
}
