import { ChandlerError } from '../domain/errors.ts';
import type { GeneratedValues, ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision, ServicePlan } from '../domain/offering.ts';
import type { Operation } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { StoreTransaction } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { allowedNamespace } from './allowed-namespace.ts';
import type { Caller, ChangeRequest } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { type ListedPlan, planNotListed, revisionOf } from './resolve-plan.ts';
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

export type ProvisionOutcome =
  /** This request made it. */
  | { kind: 'created' }
  /** An earlier request with the same attributes made it. */
  | { kind: 'exists' }
  | { kind: 'accepted'; operationUid: string };

type Promised =
  | { kind: 'exists' }
  | { kind: 'operation'; operation: Operation; quick: boolean; own: boolean };

/**
 * Promises a service instance (OSBAPI "Provisioning"). A repeated request joins the operation of the first one.
 *
 * A repeat after a failed provision is refused with 409, also when it is the same request: the specification does not
 * define it, 200 or 201 would be a lie, and trying again quietly would flip what last_operation called failed. The
 * platform deletes the instance, as orphan mitigation does anyway, and may then use the id again.
 * @throws ChandlerError of kind 400, 409 and 422, or the operation's own error when the request is synchronous
 */
export async function provision(
  deps: UsecaseDeps,
  caller: Caller,
  request: ProvisionRequest,
): Promise<ProvisionOutcome> {
  const listed = deps.catalog.findPlan(request.serviceId, request.planId);
  if (listed !== undefined) assertMaintenance(listed.plan, request.maintenanceVersion);
  const contextNamespace = allowedNamespace(request.context, caller, deps.settings);

  const promised = await transactAgain(deps.store, async (transaction): Promise<Promised> => {
    const { platform } = caller;
    const existing = await transaction.lockInstance({ platform, instanceId: request.instanceId });
    if (existing !== undefined) {
      return repeat(transaction, existing, {
        ...request,
        ...(contextNamespace === undefined ? {} : { contextNamespace }),
      });
    }
    if (listed === undefined) throw planNotListed(deps.catalog, request.serviceId, request.planId);
    return enqueue(deps, transaction, { platform, request, listed, contextNamespace });
  });
  if (promised.kind === 'exists') return promised;

  const { operation, quick, own } = promised;
  if (own) deps.events.operationEnqueued(operationFields(operation));
  const settled = await settle(deps, operation, { acceptsIncomplete: request.acceptsIncomplete, quick, own });
  if (settled === 'running') return { kind: 'accepted', operationUid: operation.uid };
  return { kind: own ? 'created' : 'exists' };
}

/** @throws ChandlerError `MaintenanceInfoConflict`, also when the plan has no maintenance version at all */
function assertMaintenance(plan: ServicePlan, version: string | undefined): void {
  if (version !== undefined && version !== plan.maintenance?.version) {
    throw new ChandlerError('MaintenanceInfoConflict');
  }
}

async function repeat(
  transaction: StoreTransaction,
  existing: ServiceInstance,
  request: ProvisionRequest & { contextNamespace?: string },
): Promise<Promised> {
  if (existing.state === 'deprovisioning') throw new ChandlerError('ConcurrencyError');
  if (!sameInstance(existing, request)) throw new ChandlerError('InstanceConflict');
  switch (existing.state) {
    case 'ready':
      return { kind: 'exists' };
    case 'provision failed':
      throw new ChandlerError('InstanceConflict', {
        sentence: 'The service instance exists, but its provisioning failed. Delete it and create it anew.',
      });
    case 'deprovision failed':
    case 'deprovisioned':
      throw new ChandlerError('InstanceConflict', {
        sentence: 'The service instance exists, but its deprovisioning failed. Delete it once more first.',
      });
    case 'provisioning': {
      const operation = await transaction.activeInstanceOperation(existing.uid);
      if (operation === undefined) throw new ChandlerError('ConcurrencyError');
      const revision = await revisionOf(transaction, existing);
      return { kind: 'operation', operation, quick: revision.sync.provision, own: false };
    }
  }
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
  const quick = revision.sync.provision;
  if (!request.acceptsIncomplete && !quick) throw new ChandlerError('AsyncRequired');

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
  const operation = await transaction.enqueueOperation({
    type: 'provision',
    instanceUid: instance.uid,
    timeoutSeconds: revision.timeouts.provision,
    description: 'The service instance is about to be made.',
    ...(request.originatingIdentity === undefined
      ? {}
      : { originatingIdentity: request.originatingIdentity }),
  });
  return { kind: 'operation', operation, quick, own: true };
}

function generateValues(deps: UsecaseDeps, revision: PlanRevision): GeneratedValues {
  return Object.fromEntries(
    Object.entries(revision.generate).map(([id, spec]) => [
      id,
      { password: deps.newPassword(spec.password.length) },
    ]),
  );
}
