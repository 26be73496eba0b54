import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  type Answer,
  type Call,
  type JsonObject,
  optionalContext,
  optionalObject,
  optionalText,
  requiredText,
} from './call.ts';
import { findPlan, findService, isAsynchronous, needsApp } from './catalog.ts';
import { checkParameters } from './parameters.ts';
import { asyncRequired, concurrency, Refusal, requiresApp } from './refusal.ts';
import {
  type Binding,
  bindings,
  endOperation,
  type Instance,
  latestOperation,
  liveInstance,
  type Operation,
  recordDone,
  runLater,
  startOperation,
} from './state.ts';

const day = 24 * 60 * 60 * 1000;

interface Request {
  serviceId: string | undefined;
  planId: string | undefined;
  parameters: JsonObject;
  appGuid: string | undefined;
  predecessorId: string | undefined;
}

/** PUT of a binding: a new one, or with predecessor_binding_id the successor of one. */
export function bind({ instanceId, bindingId, body, acceptsIncomplete }: Call): Answer {
  const request = readRequest(body);
  const instance = liveInstance(instanceId);
  if (instance === undefined) throw new Refusal(404, 'NotFound', 'There is no such service instance.');

  const earlier = bindings.get(bindingId);
  const known = earlier?.state === 'deleted' ? undefined : earlier;
  if (known?.state === 'deleting') throw new Refusal(422, 'ConcurrencyError', concurrency);
  if (known !== undefined && (known.instanceId !== instanceId || !isSame(known, request))) {
    throw new Refusal(409, 'Conflict', 'A service binding with this id and other attributes exists.');
  }
  // Korifi gets its credentials from this answer alone. [93]
  if (known?.state === 'ready') return { status: 200, body: bindingBody(known) };

  const { serviceId = instance.serviceId, planId = instance.planId, predecessorId } = request;
  if (serviceId !== instance.serviceId || planId !== instance.planId) {
    throw new Refusal(400, 'BadRequest', 'service_id and plan_id are not those of this instance.');
  }
  const plan = findPlan(serviceId, planId);
  if (!plan?.bindable) throw new Refusal(400, 'BadRequest', 'This plan is not bindable.');
  checkParameters(request.parameters, plan.schemas?.service_binding.create.parameters);
  if (predecessorId !== undefined && !plan.binding_rotatable) {
    throw new Refusal(400, 'BadRequest', 'Bindings of this plan cannot be rotated.');
  }
  if (predecessorId === undefined && needsApp(serviceId) && request.appGuid === undefined) {
    throw new Refusal(422, 'RequiresApp', requiresApp);
  }
  refuseInState(instance, acceptsIncomplete);
  if (isAsynchronous(planId) && !acceptsIncomplete) throw new Refusal(422, 'AsyncRequired', asyncRequired);
  if (known?.state === 'creating') return { status: 202, body: { operation: latestOperation(known).token } };

  const predecessor = predecessorId === undefined ? undefined : findPredecessor(instance, predecessorId);
  const binding: Binding = {
    id: bindingId,
    instanceId,
    serviceId,
    planId,
    // The platform may not know the predecessor's any more. [107]
    parameters: predecessor?.parameters ?? request.parameters,
    appGuid: predecessor?.appGuid ?? request.appGuid,
    predecessorId,
    // Its own, so that it can be revoked alone. [96, 106]
    username: `user-${randomBytes(8).toString('hex')}`,
    password: randomBytes(16).toString('hex'),
    createdAt: Date.now(),
    state: 'creating',
    operations: earlier?.operations ?? [],
  };
  bindings.set(bindingId, binding);
  if (!isAsynchronous(planId)) {
    binding.state = 'ready';
    recordDone(binding, 'Bound.');
    return { status: 201, body: bindingBody(binding) };
  }
  const operation = startOperation(binding, 'Binding.', (running) => proceed(binding, instance, running));
  return { status: 202, body: { operation: operation.token } };
}

function readRequest(body: JsonObject): Request {
  const predecessorId = optionalText(body, 'predecessor_binding_id');
  // A rotation needs nothing but its predecessor; what else it names must exist. [90, 104]
  const rotates = predecessorId !== undefined;
  const serviceId = rotates ? optionalText(body, 'service_id') : requiredText(body, 'service_id');
  const planId = rotates ? optionalText(body, 'plan_id') : requiredText(body, 'plan_id');
  if (serviceId !== undefined && findService(serviceId) === undefined) {
    throw new Refusal(400, 'BadRequest', 'service_id is not in the catalog.');
  }
  if (serviceId !== undefined && planId !== undefined && findPlan(serviceId, planId) === undefined) {
    throw new Refusal(400, 'BadRequest', 'plan_id is not a plan of this service.');
  }
  optionalContext(body);
  const resource = optionalObject(body, 'bind_resource') ?? {};
  return {
    serviceId,
    planId,
    parameters: optionalObject(body, 'parameters') ?? {},
    // Either spot will do. [94]
    appGuid: optionalText(resource, 'app_guid') ?? optionalText(body, 'app_guid'),
    predecessorId,
  };
}

/** A rotation is known by its predecessor, from which it has the rest. [93, 108] */
function isSame(known: Binding, request: Request): boolean {
  const { serviceId = known.serviceId, planId = known.planId, parameters, appGuid, predecessorId } = request;
  if (serviceId !== known.serviceId || planId !== known.planId) return false;
  if (predecessorId !== known.predecessorId) return false;
  if (predecessorId !== undefined) return true;
  return isDeepStrictEqual(parameters, known.parameters) && appGuid === known.appGuid;
}

function refuseInState(instance: Instance, acceptsIncomplete: boolean): void {
  switch (instance.state) {
    case 'creating':
    case 'updating':
      // Service Catalog and Korifi never try again, so whoever can poll may wait. [95]
      if (acceptsIncomplete) return;
      throw new Refusal(422, 'ConcurrencyError', concurrency);
    case 'deleting':
      throw new Refusal(422, 'ConcurrencyError', concurrency);
    case 'failed':
      throw new Refusal(422, 'InstanceFailed', 'The service instance was never provisioned; delete it.');
    case 'ready':
    case 'deleted':
  }
}

function findPredecessor(instance: Instance, id: string): Binding {
  const predecessor = bindings.get(id);
  if (predecessor === undefined || predecessor.instanceId !== instance.id) {
    throw new Refusal(400, 'BadRequest', 'predecessor_binding_id is no binding of this instance.');
  }
  if (predecessor.state === 'creating') throw new Refusal(422, 'ConcurrencyError', concurrency);
  if (predecessor.state !== 'ready') {
    throw new Refusal(400, 'BadRequest', 'predecessor_binding_id is a binding that is not there any more.');
  }
  if (predecessor.createdAt + 30 * day <= Date.now()) {
    throw new Refusal(400, 'BadRequest', 'predecessor_binding_id is a binding that has expired.');
  }
  return predecessor;
}

/** The end of an asynchronous bind, once its instance is there. */
function proceed(binding: Binding, instance: Instance, operation: Operation): void {
  if (instance.state === 'creating' || instance.state === 'updating') {
    runLater(operation, (running) => proceed(binding, instance, running));
    return;
  }
  const fails = instance.state !== 'ready';
  binding.state = fails ? 'failed' : 'ready';
  if (fails) endOperation(operation, 'failed', 'The service instance could not be provisioned.');
  else endOperation(operation, 'succeeded', 'Bound.');
}

/** Everything about a binding, the same each time. [111, 113] */
export function bindingBody({
  instanceId,
  planId,
  serviceId,
  username,
  password,
  createdAt,
}: Binding): JsonObject {
  const host = 'data.reference.example';
  const path = encodeURIComponent(instanceId);
  return {
    credentials: { username, password, uri: `reference://${username}:${password}@${host}:5432/${path}` },
    // Ports are strings. [99]
    endpoints: [{ host, ports: ['5432'], protocol: 'tcp' }],
    // Only what can be renewed expires. [100]
    ...(findPlan(serviceId, planId)?.binding_rotatable && {
      metadata: {
        expires_at: new Date(createdAt + 30 * day).toISOString(),
        renew_before: new Date(createdAt + 20 * day).toISOString(),
      },
    }),
  };
}
