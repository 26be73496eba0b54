import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { Operation, UpdateAttributes } from '../domain/operation.ts';
import { conditionOfInstance, reactionToInstance } from '../domain/state-matrix.ts';
import { canonicalJson, type JsonObject } from '../lib/json.ts';
import type { StoreTransaction } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { allowedNamespace } from './allowed-namespace.ts';
import { type Caller, type ChangeRequest, originOf } from './caller.ts';
import type { FixedVolume, UsecaseDeps } from './deps.ts';
import { generateValues } from './generate-values.ts';
import { obey, unexpected } from './obey.ts';
import { assertMaintenance, assertPlanOfInstance, planNotListed, revisionOf } from './resolve-plan.ts';
import { sameUpdate } from './same-attributes.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';
import { updatedParameters } from './updated-parameters.ts';
import { assertVolumesMayGrow, fixedVolumes } from './volume-growth.ts';

export interface UpdateRequest extends ChangeRequest, UpdateAttributes {
  instanceId: string;
  serviceId: string;
  context?: JsonObject;
}

export type UpdateOutcome = {
  /** Only when it changed. */
  dashboardUrl?: string;
} & ({ kind: 'updated' } | { kind: 'accepted'; operationUid: string });

interface Promised {
  dashboardUrl?: string;
  /** Absent when there was nothing to do outside Postgres. */
  operation?: Operation;
  quick: boolean;
  own: boolean;
  /** A repair that ran, and makes way. */
  cancelled?: Operation;
}

/**
 * Promises that an instance changes its plan, its parameters, its context, or moves to the newest maintenance version
 * (OSBAPI "Updating a Service Instance"). The instance keeps its old values until the operation has succeeded; a
 * context by itself is written down at once.
 * @throws ChandlerError of kind 400, 404 and 422, or the operation's own error when the request is synchronous
 */
export async function update(
  deps: UsecaseDeps,
  caller: Caller,
  request: UpdateRequest,
): Promise<UpdateOutcome> {
  const key = { platform: caller.platform, instanceId: request.instanceId };
  const fixed = await lookAtVolumes(deps, key, request);
  const promised = await transactAgain(deps.store, request, async (transaction): Promise<Promised> => {
    const instance = await transaction.lockInstance(key);
    if (instance === undefined) {
      const { serviceId, planId } = request;
      if (deps.catalog.findOffering(serviceId) === undefined) {
        throw planNotListed(deps.catalog, serviceId, planId ?? '');
      }
      throw new ChandlerError('InstanceNotFound');
    }
    await assertPlanOfInstance(transaction, instance, { serviceId: request.serviceId });
    const current = await revisionOf(transaction, instance);
    const revision = targetRevision(deps, { instance, current, request });

    const active = await transaction.activeInstanceOperation(instance.uid);
    const target = active && (await transaction.findUpdateTarget(active.uid));
    const again = target !== undefined && sameUpdate(target.reveal(), request);
    const does = obey(
      reactionToInstance(conditionOfInstance(instance), again ? 'update again' : 'update', caller.options),
    );
    if (does === 'join' && active !== undefined) {
      return {
        operation: active,
        quick: revision.sync.update,
        own: false,
        ...changedUrl(instance.dashboardUrl, target?.reveal().dashboardUrl),
      };
    }
    if (does !== 'begin') throw unexpected(does);
    const ofBindings = await transaction.activeBindingOperations(instance.uid);
    // A repair of a delivery knows nothing of the instance, and no platform knows of the repair.
    if (ofBindings.some(({ type }) => type !== 'repair')) {
      throw new ChandlerError('ConcurrencyError');
    }
    return change(deps, transaction, { caller, request, instance, current, revision, active, fixed });
  });

  const { operation, quick, own, cancelled, ...dashboard } = promised;
  if (cancelled !== undefined) {
    deps.events.operationCancelled({ ...operationFields(cancelled), reason: 'update' });
  }
  if (operation === undefined) return { kind: 'updated', ...dashboard };
  const settled = await settle(deps, request, { verb: 'update', operation, quick, own });
  return settled === 'succeeded'
    ? { kind: 'updated', ...dashboard }
    : { kind: 'accepted', operationUid: operation.uid, ...dashboard };
}

/** Before the transaction, which should not wait for a cluster. What is wrong with the request is told in there. */
async function lookAtVolumes(
  deps: UsecaseDeps,
  key: { platform: string; instanceId: string },
  request: UpdateRequest,
): Promise<readonly FixedVolume[]> {
  const instance = await deps.store.findInstance(key);
  if (instance === undefined || instance.serviceId !== request.serviceId) return [];
  const { planId = instance.planId, maintenanceVersion } = request;
  const moves = planId !== instance.planId || maintenanceVersion !== undefined;
  const listed = moves ? deps.catalog.findPlan(instance.serviceId, planId)?.revision : undefined;
  const revision = listed ?? (await deps.store.findRevision(instance.planRevision));
  return revision === undefined ? [] : fixedVolumes(deps, instance, revision, request);
}

/**
 * The revision that the instance shall have: that of the catalog when the plan changes or maintenance is asked for,
 * else the one that it has.
 * @throws ChandlerError `UnknownPlan`, `MaintenanceInfoConflict`
 */
function targetRevision(
  { catalog }: UsecaseDeps,
  { instance, current, request }: Pick<Change, 'instance' | 'current' | 'request'>,
): PlanRevision {
  const { planId = instance.planId, maintenanceVersion } = request;
  const listed = catalog.findPlan(instance.serviceId, planId);
  const changes = planId !== instance.planId;
  if (listed === undefined) {
    if (changes) throw planNotListed(catalog, instance.serviceId, planId);
    if (maintenanceVersion !== undefined && maintenanceVersion !== current.maintenanceVersion) {
      throw new ChandlerError('MaintenanceInfoConflict');
    }
    return current;
  }
  assertMaintenance(listed.plan, maintenanceVersion);
  const maintains = maintenanceVersion !== undefined && maintenanceVersion !== current.maintenanceVersion;
  return changes || maintains ? listed.revision : current;
}

interface Change {
  caller: Caller;
  request: UpdateRequest;
  instance: ServiceInstance;
  /** What it was made from, and what it shall have. */
  current: PlanRevision;
  revision: PlanRevision;
  active: Operation | undefined;
  /** Volumes that cannot grow, where the update might want one to. */
  fixed: readonly FixedVolume[];
}

async function change(
  deps: UsecaseDeps,
  transaction: StoreTransaction,
  { caller, request, instance, current, revision, active, fixed }: Change,
): Promise<Promised> {
  assertPlanMayChange(deps, current, revision);
  const parameters = updatedParameters(deps, {
    instance,
    current,
    revision,
    request,
    options: caller.options,
  });
  assertVolumesMayGrow(
    { ...current.parameterDefaults, ...instance.parameters },
    { ...revision.parameterDefaults, ...parameters },
    revision,
    fixed,
  );
  const context = updatedContext(deps, { caller, request, instance });
  const dashboardUrl = deps.renderDashboardUrl(revision, { ...instance, parameters });

  const nothingToDo =
    instance.state === 'ready' &&
    revision.digest === instance.planRevision &&
    canonicalJson(parameters) === canonicalJson(instance.parameters);
  if (nothingToDo) {
    if (request.context !== undefined) await transaction.setInstanceContext(instance.uid, context);
    return { quick: true, own: false };
  }
  const quick = revision.sync.update;
  if (!request.acceptsIncomplete && !quick) throw new ChandlerError('AsyncRequired');

  const { planId, maintenanceVersion } = request;
  // Only a repair can be under way on an instance that may be updated.
  if (active !== undefined) {
    await transaction.cancelOperation(active.uid, 'Cancelled: the service instance is being updated.');
  }
  await transaction.setInstanceState(instance.uid, 'updating');
  const operation = await transaction.enqueueOperation({
    type: 'update',
    instanceUid: instance.uid,
    update: {
      planRevision: revision.digest,
      target: {
        planId: revision.planId,
        parameters,
        context,
        generated: generateValues(deps, revision, instance.generated.reveal()),
        ...(dashboardUrl === undefined ? {} : { dashboardUrl }),
        request: {
          ...(planId === undefined ? {} : { planId }),
          ...(request.parameters === undefined ? {} : { parameters: request.parameters }),
          ...(maintenanceVersion === undefined ? {} : { maintenanceVersion }),
        },
      },
    },
    timeoutSeconds: revision.timeouts.update,
    description: 'The service instance is about to be updated.',
    ...originOf(request),
  });
  return {
    operation,
    quick,
    own: true,
    ...(active === undefined ? {} : { cancelled: active }),
    ...changedUrl(instance.dashboardUrl, dashboardUrl),
  };
}

function changedUrl(before: string | undefined, after: string | undefined): { dashboardUrl?: string } {
  return after === undefined || after === before ? {} : { dashboardUrl: after };
}

/**
 * Whether a plan may be left is what the catalog says today, since platforms read it there (`plan_updateable`); a plan
 * that it no longer has is left by its own word.
 * @throws ChandlerError `UpdateNotSupported`
 */
function assertPlanMayChange({ catalog }: UsecaseDeps, current: PlanRevision, target: PlanRevision): void {
  if (current.planId === target.planId) return;
  const listed = catalog.findPlan(current.serviceId, current.planId)?.revision ?? current;
  const { plan: ways } = listed.updates;
  if (ways === false || (Array.isArray(ways) && !ways.includes(target.planName))) {
    const others = Array.isArray(ways) ? ways.filter((name) => name !== listed.planName) : [];
    throw new ChandlerError('UpdateNotSupported', {
      sentence:
        others.length === 0
          ? `Service instances of the plan ${current.planName} cannot change their plan. Create a new service instance instead.`
          : `Service instances of the plan ${current.planName} cannot change to the plan ${target.planName}, only to: ${others.join(', ')}.`,
    });
  }
  if (current.bind?.engine !== target.bind?.engine) {
    throw new ChandlerError('UpdateNotSupported', {
      sentence: `The plan ${target.planName} makes other credentials than the plan ${current.planName}. Create a new service instance instead.`,
    });
  }
}

/** @throws ChandlerError `UpdateNotSupported` when the context names another namespace than the instance was made for */
function updatedContext(
  { settings }: UsecaseDeps,
  { caller, request, instance }: Pick<Change, 'caller' | 'request' | 'instance'>,
): JsonObject {
  if (request.context === undefined) return instance.context;
  const namespace = allowedNamespace(request.context, caller, settings);
  const { contextNamespace } = instance;
  if (namespace !== undefined && contextNamespace !== undefined && namespace !== contextNamespace) {
    throw new ChandlerError('UpdateNotSupported', {
      sentence: `The service instance was made for the namespace ${contextNamespace} and cannot move to another one.`,
    });
  }
  return request.context;
}
