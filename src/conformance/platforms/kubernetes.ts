import type { JsonObject } from '../json.ts';
import { givenParameters, sortedIds } from './cloudfoundry.ts';
import type { Place, Platform } from './platform.ts';
import { asynchronous, idsOf, jsonBody, originatingIdentity } from './specification.ts';

/** Endpoints that Service Catalog calls as nobody in particular. */
const anonymous = new Set(['catalog', 'fetch instance', 'fetch binding']);

/**
 * Service Catalog 0.3: binds without accepts_incomplete and with no app but the namespace's uid, sends an update's plan
 * and parameters only when they changed, and polls an update with the new plan.
 */
export const kubernetes: Platform = {
  name: 'kubernetes',
  headers: (endpoint) => ({
    'x-broker-api-version': '2.14',
    'x-broker-api-originating-identity': anonymous.has(endpoint)
      ? undefined
      : originatingIdentity('kubernetes', {
          username: 'check',
          uid: '',
          groups: ['system:authenticated'],
        }),
    ...jsonBody(endpoint),
  }),
  provision: ({ plan, place, name, parameters }) => ({
    query: asynchronous,
    body: {
      ...idsOf(plan),
      organization_guid: place.organizationId,
      space_guid: place.spaceId,
      ...givenParameters(parameters),
      context: contextOf(place, name),
    },
  }),
  update: ({ plan, target, place, name, parameters }) => ({
    query: asynchronous,
    body: {
      service_id: plan.serviceId,
      ...(target === undefined || target.planId === plan.planId ? {} : { plan_id: target.planId }),
      ...givenParameters(parameters),
      context: contextOf(place, name),
      previous_values: idsOf(plan),
    },
  }),
  deprovision: (plan) => ({ query: { ...asynchronous, ...sortedIds(plan) } }),
  bind: ({ plan, place, instanceName, parameters }) => ({
    body: {
      ...idsOf(plan),
      ...givenParameters(parameters),
      bind_resource: { app_guid: place.spaceId },
      context: contextOf(place, instanceName),
    },
  }),
  unbind: (plan) => ({ query: sortedIds(plan) }),
  poll: (plan, operation) => ({ query: { operation, ...sortedIds(plan) } }),
  fetch: () => ({}),
  pollsUpdateWith: 'new plan',
};

function contextOf({ organizationId, namespace, context }: Place, instanceName: string): JsonObject {
  return {
    clusterid: organizationId,
    instance_name: instanceName,
    namespace,
    platform: 'kubernetes',
    ...context,
  };
}
