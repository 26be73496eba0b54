import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { Operation } from '../domain/operation.ts';
import { conditionOfInstance, reactionToInstance } from '../domain/state-matrix.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { StoreTransaction } from '../store/types.ts';
import { allowedNamespace } from './allowed-namespace.ts';
import { type Caller, type ChangeRequest, originOf } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { generateValues } from './generate-values.ts';
import { obey, unexpected } from './obey.ts';
import { assertMaintenance, type ListedPlan, planNotListed, revisionOf } from './resolve-plan.ts';
import { sameInstance } from './same-attributes.ts';
import { settle } from './settle.ts';
import { transactAgain } from './transact-again.ts';

export interface ProvisionRequest extends ChangeRequest {
  instanceId: string;
  serviceId: string;
  planId: string;
  organizationGuid: string;
  spaceGuid: string;
  context: JsonObject;
  parameters: JsonObject;
  maintenanceVersion?: string;
}

export type ProvisionOutcome = { dashboardUrl?: string } & (
  | /** This request made it. */ { kind: 'created' }
  /** An earlier request with the same attributes made it. */
  | { kind: 'exists' }
  | { kind: 'accepted'; operationUid: string }
);

interface Promised {
  dashboardUrl: string | undefined;
  /** Absent when the instance exists already. */
  operation?: Operation;
  quick: boolean;
  own: boolean;
}

/**
 * Promises a service instance (OSBAPI "Provisioning"). A repeated request joins the operation of the first one.
 *
 * A repeat after a failed provision is refused with 409 unless the options say otherwise: the specification does not
 * define it, 200 or 201 would be a lie, and trying again quietly would flip what last_operation called failed. The
 * platform deletes the instance, as orphan mitigation does anyway, and may then use the id again.
 * @throws ChandlerError of kind 400, 409 and 422, or the operation's own error when the request is synchronous
 */
export async function provision(
  deps: UsecaseDeps,
  caller: Caller,
  request: ProvisionRequest,
): Promise<ProvisionOutcome> {
  const { serviceId, planId } = request;
  const listed = deps.catalog.findPlan(serviceId, planId);
  if (listed !== undefined) assertMaintenance(listed.plan, request.maintenanceVersion);
  const namespace = allowedNamespace(request.context, caller, deps.settings);
  const named = namespace === undefined ? {} : { contextNamespace: namespace };
  const contextNamespace = namespace ?? caller.defaultNamespace;

  const promised = await transactAgain(deps.store, request, async (transaction): Promise<Promised> => {
    const { platform, options } = caller;
    const existing = await transaction.lockInstance({ platform, instanceId: request.instanceId });
    // A plan that is no longer offered is known to the instances that have it.
    if (listed === undefined && (existing?.serviceId !== serviceId || existing.planId !== planId)) {
      throw planNotListed(deps.catalog, serviceId, planId);
    }
    const same = existing !== undefined && sameInstance(existing, { ...request, ...named });
    const does = obey(
      reactionToInstance(conditionOfInstance(existing), same ? 'provision' : 'provision other', options),
    );
    if (existing === undefined) {
      if (does !== 'begin' || listed === undefined) throw unexpected(does);
      return enqueue(deps, transaction, { platform, request, listed, contextNamespace });
    }
    const { dashboardUrl } = existing;
    const revision = await revisionOf(transaction, existing);
    switch (does) {
      case 'answer':
        return { dashboardUrl, quick: true, own: false };
      case 'join': {
        const operation = await transaction.activeInstanceOperation(existing.uid);
        if (operation === undefined) throw new ChandlerError('ConcurrencyError');
        const quick = operation.type !== 'repair' && revision.sync[operation.type];
        return { dashboardUrl, operation, quick, own: false };
      }
      case 'begin': {
        assertCanWait(revision, request);
        await transaction.setInstanceState(existing.uid, 'provisioning');
        return { dashboardUrl, ...(await begin(transaction, existing, revision, request)) };
      }
      case 'replace':
      case 'wait':
        throw unexpected(does);
    }
  });

  const { operation, quick, own } = promised;
  const dashboard = promised.dashboardUrl === undefined ? {} : { dashboardUrl: promised.dashboardUrl };
  if (operation === undefined) return { kind: 'exists', ...dashboard };
  const settled = await settle(deps, request, { verb: 'provision', operation, quick, own });
  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid, ...dashboard };
  return { kind: own ? 'created' : 'exists', ...dashboard };
}

interface NewProvision {
  platform: string;
  request: ProvisionRequest;
  listed: ListedPlan;
  contextNamespace: string | undefined;
}

async function enqueue(
  deps: UsecaseDeps,
  transaction: StoreTransaction,
  { platform, request, listed, contextNamespace }: NewProvision,
): Promise<Promised> {
  const { revision } = listed;
  deps.validateParameters(revision, 'provision', request.parameters);
  assertCanWait(revision, request);

  const instance = await transaction.insertInstance({
    platform,
    instanceId: request.instanceId,
    serviceId: request.serviceId,
    planId: request.planId,
    planRevision: revision.digest,
    organizationGuid: request.organizationGuid,
    spaceGuid: request.spaceGuid,
    context: request.context,
    parameters: request.parameters,
    cluster: deps.settings.clusterName,
    generated: new Redacted(generateValues(deps, revision)),
    ...(contextNamespace === undefined ? {} : { contextNamespace }),
  });
  const dashboardUrl = deps.renderDashboardUrl(revision, instance);
  if (dashboardUrl !== undefined) await transaction.setDashboardUrl(instance.uid, dashboardUrl);
  return { dashboardUrl, ...(await begin(transaction, instance, revision, request)) };
}

function assertCanWait(revision: PlanRevision, request: ChangeRequest): void {
  if (!request.acceptsIncomplete && !revision.sync.provision) throw new ChandlerError('AsyncRequired');
}

async function begin(
  transaction: StoreTransaction,
  instance: ServiceInstance,
  revision: PlanRevision,
  request: ProvisionRequest,
): Promise<Required<Omit<Promised, 'dashboardUrl'>>> {
  const operation = await transaction.enqueueOperation({
    type: 'provision',
    instanceUid: instance.uid,
    timeoutSeconds: revision.timeouts.provision,
    description: 'The service instance is about to be made.',
    ...originOf(request),
  });
  return { operation, quick: revision.sync.provision, own: true };
}
