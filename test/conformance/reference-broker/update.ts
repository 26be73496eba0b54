import { isDeepStrictEqual } from 'node:util';
import {
  type Answer,
  type Call,
  type JsonObject,
  maintenanceVersion,
  optionalContext,
  optionalObject,
  optionalText,
  requiredText,
} from './call.ts';
import { findPlan, findService, isAsynchronous } from './catalog.ts';
import { checkParameters } from './parameters.ts';
import { asyncRequired, concurrency, Refusal } from './refusal.ts';
import {
  type Changeable,
  endOperation,
  type Instance,
  latestOperation,
  liveBindings,
  liveInstance,
  recordDone,
  startOperation,
} from './state.ts';

/** PATCH of an instance. previous_values are hints, and stay unread. [79] */
export function update({ instanceId, body, acceptsIncomplete }: Call): Answer {
  const serviceId = requiredText(body, 'service_id');
  const service = findService(serviceId);
  if (service === undefined) throw new Refusal(400, 'BadRequest', 'service_id is not in the catalog.');
  const instance = liveInstance(instanceId);
  if (instance === undefined) throw new Refusal(404, 'NotFound', 'There is no such service instance.');
  if (serviceId !== instance.serviceId) {
    throw new Refusal(400, 'BadRequest', 'service_id is not the service of this instance.');
  }
  const target = findPlan(serviceId, optionalText(body, 'plan_id') ?? instance.planId);
  if (target === undefined) throw new Refusal(400, 'BadRequest', 'plan_id is not a plan of this service.');
  const parameters = optionalObject(body, 'parameters');
  checkParameters(parameters ?? {}, target.schemas?.service_instance.update.parameters);
  const context = optionalContext(body);

  const version = maintenanceVersion(body);
  const offered = target.maintenance_info?.version;
  if (version !== undefined && version !== offered) {
    throw new Refusal(
      422,
      'MaintenanceInfoConflict',
      `Not the catalog's maintenance_info.version: ${version}.`,
    );
  }

  // What is absent stays as it is; what is sent replaces it, so that {} clears. [70]
  const wanted: Changeable = {
    planId: target.id,
    parameters: sentParameters(parameters, context) ?? instance.parameters,
    maintenanceVersion: offered,
    context: service.allow_context_updates && context !== undefined ? context : instance.context,
  };
  refuseInState(instance, wanted);
  const changesPlan = target.id !== instance.planId;
  if (changesPlan && !service.plan_updateable) {
    throw new Refusal(422, 'PlanChangeNotSupported', 'Instances of this service cannot change their plan.');
  }

  const asynchronous = isAsynchronous(instance.planId) || isAsynchronous(target.id);
  if (asynchronous && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  if (instance.state === 'updating')
    return { status: 202, body: { operation: latestOperation(instance).token } };
  if (isDeepStrictEqual(changeableOf(instance), wanted)) return { status: 200, body: {} };

  if (!asynchronous) {
    Object.assign(instance, wanted);
    recordDone(instance, 'Updated.');
    return { status: 200, body: {} };
  }
  instance.state = 'updating';
  instance.wanted = wanted;
  const operation = startOperation(instance, 'Updating.', (running) => {
    instance.state = 'ready';
    if (wanted.parameters.notes === 'please fail') {
      // Nothing of it is applied: the instance goes on with its old values. [62, 69, 77]
      running.afterwards = { instance_usable: true, update_repeatable: false };
      endOperation(running, 'failed', 'The update failed, as its notes asked for.');
      return;
    }
    Object.assign(instance, wanted, { wanted: undefined });
    endOperation(running, 'succeeded', 'Updated.');
  });
  return { status: 202, body: { operation: operation.token } };
}

/** With {} Service Catalog clears them; Cloud Foundry says nothing by it, not even in a rename. [70, 78] */
function sentParameters(parameters: JsonObject | undefined, context: JsonObject | undefined) {
  const isEmpty = parameters !== undefined && Object.keys(parameters).length === 0;
  return isEmpty && context?.platform === 'cloudfoundry' ? undefined : parameters;
}

function refuseInState(instance: Instance, wanted: Changeable): void {
  switch (instance.state) {
    case 'creating':
    case 'deleting':
      throw new Refusal(422, 'ConcurrencyError', concurrency);
    case 'failed':
      throw new Refusal(422, 'InstanceFailed', 'The service instance was never provisioned; delete it.');
    case 'updating':
      // The same update again joins the one that runs. [72]
      if (isDeepStrictEqual(instance.wanted, wanted)) return;
      throw new Refusal(422, 'ConcurrencyError', concurrency);
    case 'ready':
    case 'deleted':
  }
  const bound = liveBindings(instance).map(({ state }) => state);
  if (bound.includes('creating') || bound.includes('deleting')) {
    throw new Refusal(422, 'ConcurrencyError', concurrency);
  }
}

function changeableOf({ planId, parameters, maintenanceVersion, context }: Instance): Changeable {
  return { planId, parameters, maintenanceVersion, context };
}
