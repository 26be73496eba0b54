import { isDeepStrictEqual } from 'node:util';
import {
  type Answer,
  type Call,
  type JsonObject,
  maintenanceVersion,
  optionalContext,
  optionalObject,
  requiredText,
} from './call.ts';
import { findPlan, findService, isAsynchronous } from './catalog.ts';
import { checkParameters } from './parameters.ts';
import { asyncRequired, concurrency, Refusal } from './refusal.ts';
import {
  endOperation,
  type Instance,
  instances,
  latestOperation,
  liveInstance,
  recordDone,
  startOperation,
} from './state.ts';

/** PUT of an instance. The order of its checks is item 22. */
export function provision({ instanceId, body, acceptsIncomplete }: Call): Answer {
  const serviceId = requiredText(body, 'service_id');
  const planId = requiredText(body, 'plan_id');
  const organizationGuid = requiredText(body, 'organization_guid');
  const spaceGuid = requiredText(body, 'space_guid');
  if (findService(serviceId) === undefined) {
    throw new Refusal(400, 'BadRequest', 'service_id is not in the catalog.');
  }
  const plan = findPlan(serviceId, planId);
  if (plan === undefined) throw new Refusal(400, 'BadRequest', 'plan_id is not a plan of this service.');
  const parameters = optionalObject(body, 'parameters') ?? {};
  checkParameters(parameters, plan.schemas?.service_instance.create.parameters);
  const context = optionalContext(body);

  const version = maintenanceVersion(body);
  const offered = plan.maintenance_info?.version;
  if (version !== undefined && version !== offered) {
    throw new Refusal(
      422,
      'MaintenanceInfoConflict',
      `Not the catalog's maintenance_info.version: ${version}.`,
    );
  }

  const known = liveInstance(instanceId);
  if (known?.state === 'deleting') throw new Refusal(422, 'ConcurrencyError', concurrency);
  // Neither names and annotations in the context nor the originating identity: they change. [46]
  const asked = { serviceId, planId, organizationGuid, spaceGuid, parameters };
  if (known !== undefined && !isDeepStrictEqual(attributesOf(known), asked)) {
    throw new Refusal(409, 'Conflict', 'A service instance with this id and other attributes exists.');
  }
  if (known?.state === 'updating') throw new Refusal(422, 'ConcurrencyError', concurrency);
  if (known?.state === 'ready') return { status: 200, body: dashboardOf(known) };

  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  if (known?.state === 'creating') {
    return { status: 202, body: { ...dashboardOf(known), operation: latestOperation(known).token } };
  }

  // New, or its id is used again after a deletion, or a failed one is tried again. [47]
  const instance: Instance = {
    id: instanceId,
    ...asked,
    context,
    maintenanceVersion: offered,
    wanted: undefined,
    state: 'creating',
    operations: instances.get(instanceId)?.operations ?? [],
  };
  instances.set(instanceId, instance);
  if (!isAsynchronous(planId)) {
    instance.state = 'ready';
    recordDone(instance, 'Provisioned.');
    return { status: 201, body: dashboardOf(instance) };
  }
  const operation = startOperation(instance, 'Provisioning.', (running) => {
    const fails = parameters.notes === 'please fail';
    instance.state = fails ? 'failed' : 'ready';
    if (fails) endOperation(running, 'failed', 'The provision failed, as its notes asked for.');
    else endOperation(running, 'succeeded', 'Provisioned.');
  });
  return { status: 202, body: { ...dashboardOf(instance), operation: operation.token } };
}

function attributesOf({ serviceId, planId, organizationGuid, spaceGuid, parameters }: Instance): JsonObject {
  return { serviceId, planId, organizationGuid, spaceGuid, parameters };
}

/** In the first answer already, also an asynchronous one. [49] */
export function dashboardOf({ id }: Instance): JsonObject {
  return { dashboard_url: `https://reference.example/dashboard/${encodeURIComponent(id)}` };
}
