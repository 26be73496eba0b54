import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../json.ts';
import type { PlanOnOffer } from '../plan-on-offer.ts';
import type { Place, Platform } from './platform.ts';
import { asynchronous, idsOf, jsonBody, originatingIdentity, parametersOf } from './specification.ts';

/**
 * The Cloud Controller of Cloud Foundry, by its v3 API: always asynchronous; `parameters: {}` in every update in which
 * the user gave none; `previous_values.maintenance_info: null` for a plan without one.
 */
export const cloudfoundry: Platform = {
  name: 'cloudfoundry',
  headers: (endpoint) => ({
    'x-broker-api-version': '2.15',
    'x-broker-api-originating-identity': originatingIdentity('cloudfoundry', {
      user_id: '683ea748-3092-4ff4-b656-39cacc4d5360',
    }),
    'x-broker-api-request-identity': randomUUID(),
    'x-vcap-request-id': randomUUID(),
    'x-api-info-location': 'api.cloudfoundry.example/v2/info',
    accept: 'application/json',
    ...jsonBody(endpoint),
  }),
  provision: ({ plan, place, name, parameters }) => ({
    query: asynchronous,
    body: {
      ...idsOf(plan),
      organization_guid: place.organizationId,
      space_guid: place.spaceId,
      context: { ...contextOf(place), instance_name: name, instance_annotations: {}, ...place.context },
      ...givenParameters(parameters),
      ...maintenanceOf(plan),
    },
  }),
  update: ({ plan, target, place, name, parameters }) => ({
    query: asynchronous,
    body: {
      service_id: plan.serviceId,
      plan_id: (target ?? plan).planId,
      previous_values: {
        ...idsOf(plan),
        organization_id: place.organizationId,
        space_id: place.spaceId,
        maintenance_info: plan.maintenance ?? null,
      },
      context: { ...contextOf(place), instance_name: name, ...place.context },
      parameters: parameters ?? {},
      ...(target === undefined || target.planId === plan.planId ? {} : maintenanceOf(target)),
    },
  }),
  deprovision: (plan) => ({ query: { ...asynchronous, ...sortedIds(plan) } }),
  bind: ({ plan, place, appId, parameters }) => ({
    query: asynchronous,
    body: {
      ...idsOf(plan),
      app_guid: appId,
      bind_resource: { app_guid: appId, space_guid: place.spaceId, app_annotations: {} },
      context: { ...contextOf(place), ...place.context },
      ...givenParameters(parameters),
    },
  }),
  unbind: (plan) => ({ query: { ...asynchronous, ...sortedIds(plan) } }),
  poll: (plan, operation) => ({ query: { operation, ...sortedIds(plan) } }),
  fetch: () => ({}),
  pollsUpdateWith: 'old plan',
};

/** As it stands in the catalog. */
function maintenanceOf({ maintenance }: PlanOnOffer): JsonObject {
  return maintenance === undefined ? {} : { maintenance_info: maintenance };
}

/** All platforms sort their queries by name. */
export function sortedIds(plan: Parameters<typeof idsOf>[0]): { plan_id: string; service_id: string } {
  return { plan_id: plan.planId, service_id: plan.serviceId };
}

/** Empty parameters are not sent by provision and bind. */
export function givenParameters(parameters: JsonObject | undefined): JsonObject {
  return parameters === undefined || Object.keys(parameters).length === 0 ? {} : parametersOf(parameters);
}

function contextOf({ organizationId, spaceId }: Place): JsonObject {
  return {
    platform: 'cloudfoundry',
    organization_guid: organizationId,
    space_guid: spaceId,
    organization_name: 'check-organization',
    space_name: 'check-space',
    organization_annotations: {},
    space_annotations: {},
  };
}
