import { sortedIds } from './cloudfoundry.ts';
import type { Platform } from './platform.ts';
import { asynchronous, idsOf, parametersOf } from './specification.ts';

/**
 * Korifi: no context, no identity, `parameters: null` when there are none, and a JSON Content-Type also where there is
 * no body. It never sends updates; those of a check are as the specification has them, without a context.
 */
export const korifi: Platform = {
  name: 'korifi',
  headers: () => ({ 'x-broker-api-version': '2.17', 'content-type': 'application/json' }),
  provision: ({ plan, place, parameters }) => ({
    query: asynchronous,
    body: {
      ...idsOf(plan),
      space_guid: place.spaceId,
      organization_guid: place.organizationId,
      parameters: parameters ?? null,
    },
  }),
  update: ({ plan, target, parameters }) => ({
    query: asynchronous,
    body: {
      service_id: plan.serviceId,
      ...(target === undefined ? {} : { plan_id: target.planId }),
      ...parametersOf(parameters),
    },
  }),
  deprovision: (plan) => ({ query: { ...asynchronous, ...sortedIds(plan) } }),
  bind: ({ plan, appId, parameters }) => ({
    query: asynchronous,
    body: {
      ...idsOf(plan),
      app_guid: appId,
      bind_resource: { app_guid: appId },
      parameters: parameters ?? null,
    },
  }),
  unbind: (plan) => ({ query: { ...asynchronous, ...sortedIds(plan) } }),
  poll: (plan, operation) => ({ query: { operation, ...sortedIds(plan) } }),
  fetch: () => ({}),
  pollsUpdateWith: 'old plan',
};
