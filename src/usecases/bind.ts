import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { BindSpec, PlanRevision } from '../domain/offering.ts';
import type { Operation } from '../domain/operation.ts';
import {
  conditionOfBinding,
  conditionOfInstance,
  reactionToBinding,
  reactionToInstance,
} from '../domain/state-matrix.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { NewBinding, StoreTransaction } from '../store/types.ts';
import { allowedNamespace, assertAllowed } from './allowed-namespace.ts';
import { type BindingContent, contentOf } from './binding-content.ts';
import { type Caller, type ChangeRequest, originOf } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { obey, unexpected } from './obey.ts';
import { findPredecessor } from './predecessor.ts';
import { type PlanIds, planMismatch, planNotListed, revisionOf } from './resolve-plan.ts';
import { sameBinding } from './same-attributes.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';

/** A rotation names its predecessor and may leave out everything else. */
export interface BindRequest extends ChangeRequest, PlanIds {
  instanceId: string;
  bindingId: string;
  appGuid?: string;
  context: JsonObject;
  parameters?: JsonObject;
  predecessorBindingId?: string;
}

export type BindOutcome =
  /** This request made it (`created`), or an earlier one with the same attributes did (`exists`). */
  ({ kind: 'created' | 'exists' } & BindingContent) | { kind: 'accepted'; operationUid: string };

type Promised =
  | { kind: 'exists'; binding: ServiceBinding }
  | { kind: 'operation'; operation: Operation; quick: boolean; own: boolean };

/**
 * Promises a service binding (OSBAPI "Binding"), also as the successor of another one ("Service Binding Rotation"). A
 * bind while its instance is made or updated is accepted when the platform can poll, and then waits for the instance.
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
    request,
    (transaction) => promise(deps, transaction, { caller, request, contextNamespace, password }),
    { service_bindings_live_key: idUsedElsewhere },
  );
  if (promised.kind === 'exists') return { kind: 'exists', ...contentOf(promised.binding) };

  const { operation, quick, own } = promised;
  const settled = await settle(deps, request, { verb: 'bind', operation, quick, own });
  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid };
  const binding =
    operation.bindingUid === undefined ? undefined : await deps.store.findBindingByUid(operation.bindingUid);
  return { kind: own ? 'created' : 'exists', ...contentOf(binding) };
}

/**
 * A first bind into a namespace that is not there is refused while nothing exists yet; afterwards it could only fail
 * and leave a row to delete. A repeat is not asked again: its answer is in Postgres.
 * @throws ChandlerError `NamespaceNotFound`
 */
async function assertNamespaceExists(
  { store, access, settings }: UsecaseDeps,
  caller: Caller,
  { instanceId, bindingId, predecessorBindingId }: BindRequest,
  contextNamespace: string | undefined,
): Promise<void> {
  if (!caller.delivers) return;
  const key = { platform: caller.platform, instanceId };
  const instance = await store.findInstance(key);
  if (instance === undefined || (await store.findBinding({ ...key, bindingId })) !== undefined) return;
  const predecessor =
    predecessorBindingId === undefined
      ? undefined
      : await store.findBinding({ ...key, bindingId: predecessorBindingId });
  const namespace = namespaceOf({ caller, contextNamespace, predecessor, instance });
  if (namespace === undefined) return;
  assertAllowed(namespace, caller, settings);
  if (await access.namespaceExists(instance.cluster, namespace)) return;
  throw new ChandlerError('NamespaceNotFound', {
    sentence: `The namespace ${namespace} does not exist or is being deleted. Create it first, or choose another one in context.namespace.`,
  });
}

/** What names the namespace to deliver to: whatever stands nearest to this binding. */
function namespaceOf({
  caller,
  contextNamespace,
  predecessor,
  instance,
}: {
  caller: Caller;
  contextNamespace: string | undefined;
  predecessor: ServiceBinding | undefined;
  instance: ServiceInstance;
}): string | undefined {
  const own = contextNamespace ?? predecessor?.delivery?.namespace;
  return own ?? instance.contextNamespace ?? caller.defaultNamespace;
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
  context: BindContext,
): Promise<Promised> {
  const { caller, request } = context;
  const { instanceId, bindingId } = request;
  const { platform } = caller;
  const instance = await transaction.lockInstance({ platform, instanceId });
  if (instance === undefined) {
    assertListed(deps, request);
    throw new ChandlerError('InstanceNotFound');
  }
  const existing = await transaction.findBinding({ platform, instanceId, bindingId });
  // The same fault is a conflict for a binding that exists, unless nobody ever heard of such a plan.
  const mismatch = await planMismatch(transaction, instance, request, existing);
  const ours = mismatch === undefined;
  if (!ours) assertListed(deps, request);
  if (existing !== undefined) return repeat(transaction, { existing, instance, ours, ...context });
  if (!ours) throw mismatch;
  return create(deps, transaction, instance, context);
}

/** @throws ChandlerError `UnknownService`, `UnknownPlan` when the request names what is not in the catalog */
function assertListed({ catalog }: UsecaseDeps, { serviceId, planId }: BindRequest): void {
  if (serviceId === undefined || planId === undefined) return;
  if (catalog.findPlan(serviceId, planId) === undefined) throw planNotListed(catalog, serviceId, planId);
}

async function repeat(
  transaction: StoreTransaction,
  {
    existing,
    instance,
    ours,
    caller,
    request,
    contextNamespace,
  }: BindContext & { existing: ServiceBinding; instance: ServiceInstance; ours: boolean },
): Promise<Promised> {
  // The deprovision removes this binding; it is on its way out whatever its own state says.
  if (instance.state === 'deprovisioning') throw new ChandlerError('ConcurrencyError');
  const named = contextNamespace === undefined ? {} : { namespace: contextNamespace };
  const same = ours && sameBinding(existing, { ...request, ...named });
  const does = obey(
    reactionToBinding(conditionOfBinding(existing), same ? 'bind' : 'bind other', caller.options),
  );
  const revision = await revisionOf(transaction, instance);
  switch (does) {
    case 'answer':
      return { kind: 'exists', binding: existing };
    case 'join': {
      const operation = await transaction.activeBindingOperation(existing.uid);
      if (operation === undefined) throw new ChandlerError('ConcurrencyError');
      return { kind: 'operation', operation, quick: isQuick(revision, instance), own: false };
    }
    case 'begin': {
      assertInstanceBindable(instance, revision, caller, request);
      await transaction.setBindingState(existing.uid, 'binding');
      return begin(transaction, { instance, revision, request, bindingUid: existing.uid });
    }
    case 'replace':
    case 'wait':
      throw unexpected(does);
  }
}

async function create(
  deps: UsecaseDeps,
  transaction: StoreTransaction,
  instance: ServiceInstance,
  { caller, request, contextNamespace, password }: BindContext,
): Promise<Promised> {
  const revision = await revisionOf(transaction, instance);
  const spec = revision.bind;
  if (spec === undefined) throw new ChandlerError('NotBindable');
  const predecessor = await findPredecessor(transaction, { spec, instance, request, caller });
  const appGuid = request.appGuid ?? predecessor?.appGuid;
  if (spec.requiresApp && appGuid === undefined) throw new ChandlerError('RequiresApp');
  if (request.parameters !== undefined) deps.validateParameters(revision, 'bind', request.parameters);
  else if (predecessor === undefined) deps.validateParameters(revision, 'bind', {});

  const namespace = namespaceOf({ caller, contextNamespace, predecessor, instance });
  if (caller.delivers && namespace !== undefined) assertAllowed(namespace, caller, deps.settings);
  assertInstanceBindable(instance, revision, caller, request);
  const { platform } = caller;
  const { instanceId, bindingId } = request;
  const { uid } = await transaction.insertBinding({
    platform,
    instanceId,
    bindingId,
    instanceUid: instance.uid,
    serviceId: instance.serviceId,
    planId: instance.planId,
    context:
      predecessor !== undefined && Object.keys(request.context).length === 0
        ? predecessor.context
        : request.context,
    parameters: request.parameters ?? predecessor?.parameters ?? {},
    password,
    ...(appGuid === undefined ? {} : { appGuid }),
    ...(predecessor === undefined ? {} : { predecessorBindingId: predecessor.bindingId }),
    ...deliveryTo(instance, caller, namespace),
    ...lifetimeOf(spec),
  });
  return begin(transaction, { instance, revision, request, bindingUid: uid });
}

function deliveryTo(
  instance: ServiceInstance,
  caller: Caller,
  namespace: string | undefined,
): Pick<NewBinding, 'delivery'> {
  return namespace === undefined || !caller.delivers
    ? {}
    : { delivery: { cluster: instance.cluster, namespace } };
}

function lifetimeOf({
  lifetime,
  renewBefore,
}: BindSpec): Pick<NewBinding, 'lifetimeSeconds' | 'renewBeforeSeconds'> {
  return {
    ...(lifetime === undefined ? {} : { lifetimeSeconds: lifetime }),
    ...(renewBefore === undefined ? {} : { renewBeforeSeconds: renewBefore }),
  };
}

/** @throws ChandlerError `AsyncRequired`, `ConcurrencyError`, or the refusal of the state matrix */
function assertInstanceBindable(
  instance: ServiceInstance,
  revision: PlanRevision,
  { options }: Caller,
  { acceptsIncomplete }: BindRequest,
): void {
  const does = obey(reactionToInstance(conditionOfInstance(instance), 'bind', options));
  if (acceptsIncomplete) return;
  if (!revision.sync.bind) throw new ChandlerError('AsyncRequired');
  if (does === 'wait') throw new ChandlerError('ConcurrencyError');
}

async function begin(
  transaction: StoreTransaction,
  {
    instance,
    revision,
    request,
    bindingUid,
  }: { instance: ServiceInstance; revision: PlanRevision; request: BindRequest; bindingUid: string },
): Promise<Promised> {
  const operation = await transaction.enqueueOperation({
    type: 'bind',
    instanceUid: instance.uid,
    bindingUid,
    // A bind that waits for its instance gets the instance's time as well.
    timeoutSeconds: revision.timeouts.bind + waitSeconds(instance, revision),
    description: 'The service binding is about to be made.',
    ...originOf(request),
  });
  return { kind: 'operation', operation, quick: isQuick(revision, instance), own: true };
}

function waitSeconds({ state }: ServiceInstance, { timeouts }: PlanRevision): number {
  if (state === 'provisioning') return timeouts.provision;
  return state === 'updating' ? timeouts.update : 0;
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
function isQuick(revision: PlanRevision, { state }: ServiceInstance): boolean {
  return revision.sync.bind && state !== 'provisioning' && state !== 'updating';
}
