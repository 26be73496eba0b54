import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { Operation } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { NewBinding, StoreTransaction } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { allowedNamespace, assertAllowed } from './allowed-namespace.ts';
import type { Caller, ChangeRequest } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { assertPlanOfInstance, planNotListed, revisionOf } from './resolve-plan.ts';
import { sameBinding } from './same-attributes.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';

export interface BindRequest extends ChangeRequest {
  instanceId: string;
  bindingId: string;
  serviceId: string;
  planId: string;
  appGuid?: string;
  context: JsonObject;
  parameters: JsonObject;
}

export type BindOutcome =
  /** This request made it (`created`), or an earlier one with the same attributes did (`exists`). */
  | { kind: 'created' | 'exists'; credentials: Redacted<JsonObject> }
  | { kind: 'accepted'; operationUid: string };

type Promised =
  | { kind: 'exists'; binding: ServiceBinding }
  | { kind: 'operation'; operation: Operation; quick: boolean; own: boolean };

/**
 * Promises a service binding (OSBAPI "Binding"). A bind during the provision of its instance is accepted when the
 * platform can poll, and then waits for the instance.
 *
 * A repeat after a failed bind is refused with 409, for the reasons given at `provision`.
 * @throws ChandlerError of kind 400, 404, 409 and 422, or the operation's own error when the request is synchronous
 */
export async function bind(deps: UsecaseDeps, caller: Caller, request: BindRequest): Promise<BindOutcome> {
  const contextNamespace = allowedNamespace(request.context, caller, deps.settings);
  await assertNamespaceExists(deps, caller, request, contextNamespace);
  const password = new Redacted(deps.newPassword());
  const promised = await transactAgain(
    deps.store,
    (transaction) => promise(deps, transaction, { caller, request, contextNamespace, password }),
    { service_bindings_live_key: idUsedElsewhere },
  );
  if (promised.kind === 'exists') return { kind: 'exists', credentials: credentialsOf(promised.binding) };

  const { operation, quick, own } = promised;
  if (own) deps.events.operationEnqueued(operationFields(operation));
  const settled = await settle(deps, operation, { acceptsIncomplete: request.acceptsIncomplete, quick, own });
  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid };
  const binding =
    operation.bindingUid === undefined ? undefined : await deps.store.findBindingByUid(operation.bindingUid);
  return { kind: own ? 'created' : 'exists', credentials: credentialsOf(binding) };
}

/**
 * A first bind into a namespace that is not there is refused while nothing exists yet; afterwards it could only fail
 * and leave a row to delete. A repeat is not asked again: its answer is in Postgres.
 * @throws ChandlerError `NamespaceNotFound`
 */
async function assertNamespaceExists(
  { store, access, settings }: UsecaseDeps,
  caller: Caller,
  { instanceId, bindingId }: BindRequest,
  contextNamespace: string | undefined,
): Promise<void> {
  const key = { platform: caller.platform, instanceId };
  const instance = await store.findInstance(key);
  const namespace = contextNamespace ?? instance?.contextNamespace;
  if (instance === undefined || namespace === undefined) return;
  if ((await store.findBinding({ ...key, bindingId })) !== undefined) return;
  assertAllowed(namespace, caller, settings);
  if (await access.namespaceExists(instance.cluster, namespace)) return;
  throw new ChandlerError('NamespaceNotFound', {
    sentence: `The namespace ${namespace} does not exist or is being deleted. Create it first, or choose another one in context.namespace.`,
  });
}

interface BindContext {
  caller: Caller;
  request: BindRequest;
  contextNamespace: string | undefined;
  password: Redacted<string>;
}

async function promise(
  deps: UsecaseDeps,
  transaction: StoreTransaction,
  { caller, request, contextNamespace, password }: BindContext,
): Promise<Promised> {
  const { instanceId, bindingId, serviceId, planId } = request;
  const { platform } = caller;
  const instance = await transaction.lockInstance({ platform, instanceId });
  if (instance === undefined) {
    const listed = deps.catalog.findPlan(serviceId, planId);
    throw listed === undefined
      ? planNotListed(deps.catalog, serviceId, planId)
      : new ChandlerError('InstanceNotFound');
  }
  assertPlanOfInstance(instance, request);
  const revision = await revisionOf(transaction, instance);
  if (revision.bind === undefined) throw new ChandlerError('NotBindable');

  const existing = await transaction.findBinding({ platform, instanceId, bindingId });
  if (existing !== undefined) {
    const delivery = deliveryTo(instance, contextNamespace);
    return repeat(transaction, { existing, instance, revision, request, delivery });
  }
  deps.validateParameters(revision, 'bind', request.parameters);
  const namespace = contextNamespace ?? instance.contextNamespace;
  if (namespace !== undefined) assertAllowed(namespace, caller, deps.settings);
  return enqueue(transaction, {
    revision,
    instance,
    request,
    binding: {
      platform,
      instanceId,
      bindingId,
      instanceUid: instance.uid,
      serviceId,
      planId,
      context: request.context,
      parameters: request.parameters,
      password,
      ...(request.appGuid === undefined ? {} : { appGuid: request.appGuid }),
      ...deliveryTo(instance, namespace),
    },
  });
}

function deliveryTo(instance: ServiceInstance, namespace: string | undefined): Pick<NewBinding, 'delivery'> {
  return namespace === undefined ? {} : { delivery: { cluster: instance.cluster, namespace } };
}

function credentialsOf(binding: ServiceBinding | undefined): Redacted<JsonObject> {
  if (binding?.credentials === undefined) {
    throw new ChandlerError('Internal', { cause: new Error('a bound binding has no credentials') });
  }
  return binding.credentials;
}

async function repeat(
  transaction: StoreTransaction,
  {
    existing,
    instance,
    revision,
    request,
    delivery,
  }: {
    existing: ServiceBinding;
    instance: ServiceInstance;
    revision: PlanRevision;
    request: BindRequest;
    delivery: Pick<NewBinding, 'delivery'>;
  },
): Promise<Promised> {
  if (instance.state === 'deprovisioning' || existing.state === 'unbinding') {
    throw new ChandlerError('ConcurrencyError');
  }
  if (!sameBinding(existing, { ...request, ...delivery })) throw new ChandlerError('BindingConflict');
  switch (existing.state) {
    case 'bound':
      return { kind: 'exists', binding: existing };
    case 'bind failed':
      throw new ChandlerError('BindingConflict', {
        sentence: 'The service binding exists, but making it failed. Delete it and create it anew.',
      });
    case 'unbind failed':
    case 'unbound':
      throw new ChandlerError('BindingConflict', {
        sentence: 'The service binding exists, but deleting it failed. Delete it once more first.',
      });
    case 'binding': {
      const operation = await transaction.activeBindingOperation(existing.uid);
      if (operation === undefined) throw new ChandlerError('ConcurrencyError');
      return { kind: 'operation', operation, quick: isQuick(revision, instance), own: false };
    }
  }
}

async function enqueue(
  transaction: StoreTransaction,
  {
    revision,
    instance,
    request,
    binding,
  }: { revision: PlanRevision; instance: ServiceInstance; request: BindRequest; binding: NewBinding },
): Promise<Promised> {
  if (instance.state === 'deprovisioning') throw new ChandlerError('ConcurrencyError');
  if (instance.state === 'provision failed' || instance.state === 'deprovision failed') {
    throw new ChandlerError('InstanceNotUsable');
  }
  if (!request.acceptsIncomplete) {
    if (!revision.sync.bind) throw new ChandlerError('AsyncRequired');
    if (instance.state === 'provisioning') throw new ChandlerError('ConcurrencyError');
  }
  const { uid } = await transaction.insertBinding(binding);
  const operation = await transaction.enqueueOperation({
    type: 'bind',
    instanceUid: instance.uid,
    bindingUid: uid,
    // A bind that waits for its instance gets the instance's time as well.
    timeoutSeconds:
      revision.timeouts.bind + (instance.state === 'provisioning' ? revision.timeouts.provision : 0),
    description: 'The service binding is about to be made.',
    ...(request.originatingIdentity === undefined
      ? {}
      : { originatingIdentity: request.originatingIdentity }),
  });
  return { kind: 'operation', operation, quick: isQuick(revision, instance), own: true };
}

/**
 * Binding ids are unique within a platform. Under the instance's lock no request for the same instance can have come
 * between, so this conflict means a binding of another instance.
 */
function idUsedElsewhere(): ChandlerError {
  return new ChandlerError('BindingConflict', {
    sentence:
      'A service binding with this id exists already, for another service instance. Use a new binding_id.',
  });
}

/** A bind that first waits for its instance is never quick. */
function isQuick(revision: PlanRevision, instance: ServiceInstance): boolean {
  return revision.sync.bind && instance.state !== 'provisioning';
}
