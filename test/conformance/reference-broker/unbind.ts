import { type Answer, type Call, requiredQuery } from './call.ts';
import { isAsynchronous } from './catalog.ts';
import { asyncRequired, Refusal } from './refusal.ts';
import {
  bindingOf,
  endOperation,
  latestOperation,
  liveInstance,
  recordDone,
  startOperation,
} from './state.ts';

/** DELETE of a binding. The order of its checks is item 22: an unknown binding is gone, whatever else is missing. */
export function unbind({ instanceId, bindingId, query, acceptsIncomplete }: Call): Answer {
  const instance = liveInstance(instanceId);
  const asynchronous = isAsynchronous(instance?.planId ?? query.get('plan_id') ?? '');
  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  const binding = bindingOf(instanceId, bindingId);
  if (instance === undefined || binding === undefined || binding.state === 'deleted') {
    throw new Refusal(410, 'Gone', 'There is no such service binding.');
  }
  const serviceId = requiredQuery(query, 'service_id');
  const planId = requiredQuery(query, 'plan_id');
  // The instance may have changed its plan since, or tried to. [82]
  const plans = [binding.planId, instance.planId, instance.wanted?.planId];
  if (serviceId !== instance.serviceId || !plans.includes(planId)) {
    throw new Refusal(400, 'BadRequest', 'service_id and plan_id are not those of this binding.');
  }

  switch (binding.state) {
    case 'deleting':
      return { status: 202, body: { operation: latestOperation(binding).token } };
    case 'creating':
      // From here on nothing of the bind may appear. [117]
      endOperation(latestOperation(binding), 'failed', 'Cancelled: the service binding was deleted.');
      break;
    case 'ready':
    case 'failed':
  }
  if (!asynchronous) {
    binding.state = 'deleted';
    recordDone(binding, 'Unbound.');
    return { status: 200, body: {} };
  }
  binding.state = 'deleting';
  const operation = startOperation(binding, 'Unbinding.', (running) => {
    binding.state = 'deleted';
    endOperation(running, 'succeeded', 'Unbound.');
  });
  return { status: 202, body: { operation: operation.token } };
}
