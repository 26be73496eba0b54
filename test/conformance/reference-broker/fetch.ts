import { bindingBody } from './bind.ts';
import type { Answer, Call } from './call.ts';
import { dashboardOf } from './provision.ts';
import { concurrency, Refusal } from './refusal.ts';
import { bindingOf, liveInstance } from './state.ts';

/** GET of an instance. service_id and plan_id in the query are hints, and stay unread. [69] */
export function fetchInstance({ instanceId }: Call): Answer {
  const instance = liveInstance(instanceId);
  if (instance === undefined || instance.state === 'creating' || instance.state === 'failed') {
    throw new Refusal(404, 'NotFound', 'There is no such service instance, or not yet.');
  }
  if (instance.state !== 'ready') throw new Refusal(422, 'ConcurrencyError', concurrency);
  const { serviceId, planId, parameters, maintenanceVersion } = instance;
  return {
    status: 200,
    body: {
      service_id: serviceId,
      plan_id: planId,
      ...dashboardOf(instance),
      parameters,
      // Cloud Foundry refuses null: what is not there is left out. [66]
      ...(maintenanceVersion !== undefined && { maintenance_info: { version: maintenanceVersion } }),
    },
  };
}

/** GET of a binding: one that is being made, removed or gone is not there. [112] */
export function fetchBinding({ instanceId, bindingId }: Call): Answer {
  const binding = bindingOf(instanceId, bindingId);
  if (binding?.state !== 'ready') throw new Refusal(404, 'NotFound', 'There is no such service binding.');
  return { status: 200, body: { ...bindingBody(binding), parameters: binding.parameters } };
}
