import { type Answer, type Call, requiredQuery } from './call.ts';
import { isAsynchronous } from './catalog.ts';
import { asyncRequired, concurrency, Refusal } from './refusal.ts';
import {
  endOperation,
  type Instance,
  latestOperation,
  liveBindings,
  liveInstance,
  recordDone,
  startOperation,
} from './state.ts';

/** DELETE of an instance. The order of its checks is item 22. */
export function deprovision({ instanceId, query, acceptsIncomplete }: Call): Answer {
  const instance = liveInstance(instanceId);
  const asynchronous = isAsynchronous(instance?.planId ?? query.get('plan_id') ?? '');
  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  const serviceId = requiredQuery(query, 'service_id');
  const planId = requiredQuery(query, 'plan_id');
  if (instance === undefined) throw new Refusal(410, 'Gone', 'There is no such service instance.');
  // After a failed update the platform may hold the instance for one of the plan it wanted. [82]
  if (serviceId !== instance.serviceId || ![instance.planId, instance.wanted?.planId].includes(planId)) {
    throw new Refusal(400, 'BadRequest', 'service_id and plan_id are not those of this instance.');
  }

  switch (instance.state) {
    case 'updating':
      throw new Refusal(422, 'ConcurrencyError', concurrency);
    case 'deleting':
      return { status: 202, body: { operation: latestOperation(instance).token } };
    case 'creating':
      // From here on nothing of the provision may appear. [63, 85]
      endOperation(latestOperation(instance), 'failed', 'Cancelled: the service instance was deleted.');
      break;
    case 'ready':
    case 'failed':
    case 'deleted':
  }
  removeBindings(instance);
  if (!asynchronous) {
    instance.state = 'deleted';
    recordDone(instance, 'Deprovisioned.');
    return { status: 200, body: {} };
  }
  instance.state = 'deleting';
  const operation = startOperation(instance, 'Deprovisioning.', (running) => {
    instance.state = 'deleted';
    endOperation(running, 'succeeded', 'Deprovisioned.');
  });
  return { status: 202, body: { operation: operation.token } };
}

/** What is still bound is unbound with its instance, also what is being bound just now. [87] */
function removeBindings(instance: Instance): void {
  for (const binding of liveBindings(instance)) {
    const latest = latestOperation(binding);
    const end = binding.state === 'deleting' ? 'succeeded' : 'failed';
    if (latest.state === 'in progress') endOperation(latest, end, 'The service instance was deleted.');
    binding.state = 'deleted';
    recordDone(binding, 'Unbound with its service instance.');
  }
}
