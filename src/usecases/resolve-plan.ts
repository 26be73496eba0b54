import type { Catalog } from '../catalog/types.ts';
import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision, ServicePlan } from '../domain/offering.ts';
import type { StoreReader } from '../store/types.ts';

/** The plan that a request names, as the catalog offers it now. */
export interface ListedPlan {
  plan: ServicePlan;
  revision: PlanRevision;
}

/** Why the catalog does not hold this plan. */
export function planNotListed(catalog: Catalog, serviceId: string, planId: string): ChandlerError {
  return catalog.findOffering(serviceId) === undefined
    ? new ChandlerError('UnknownService', {
        sentence: `The service_id ${quote(serviceId)} is not in the catalog. Fetch /v2/catalog and send an id of a service in it.`,
      })
    : new ChandlerError('UnknownPlan', {
        sentence: `The plan_id ${quote(planId)} is not a plan of the service ${quote(serviceId)}. Fetch /v2/catalog and send an id of one of its plans.`,
      });
}

/**
 * The revision that an instance was made from; it outlives the plan's place in the catalog.
 * @throws ChandlerError `Internal` when it is not in the store
 */
export async function revisionOf(store: StoreReader, instance: ServiceInstance): Promise<PlanRevision> {
  const revision = await store.findRevision(instance.planRevision);
  if (revision === undefined) {
    throw new ChandlerError('Internal', {
      cause: new Error(`plan revision ${instance.planRevision} is not in the store`),
    });
  }
  return revision;
}

/**
 * The revision whose rules a DELETE follows: the instance's own, else the one of the plan that the query names, because
 * the AsyncRequired check comes even before the check that there is something to delete.
 */
export async function revisionForDelete(
  deps: { catalog: Catalog },
  store: StoreReader,
  instance: ServiceInstance | undefined,
  query: PlanIds,
): Promise<PlanRevision | undefined> {
  if (instance !== undefined) return revisionOf(store, instance);
  if (query.serviceId === undefined || query.planId === undefined) return undefined;
  return deps.catalog.findPlan(query.serviceId, query.planId)?.revision;
}

/** @throws ChandlerError `MaintenanceInfoConflict`, also when the plan has no maintenance version at all */
export function assertMaintenance(plan: ServicePlan, version: string | undefined): void {
  if (version !== undefined && version !== plan.maintenance?.version) {
    throw new ChandlerError('MaintenanceInfoConflict');
  }
}

/** Ids that a request may name; what is absent names nothing wrong. */
export interface PlanIds {
  serviceId?: string;
  planId?: string;
}

/** @throws ChandlerError `MalformedRequest`: see {@link planMismatch} */
export async function assertPlanOfInstance(...args: Parameters<typeof planMismatch>): Promise<void> {
  const mismatch = await planMismatch(...args);
  if (mismatch !== undefined) throw mismatch;
}

/**
 * Whether a request names another service or plan than the instance's. During and after an update platforms differ in
 * which plan they hold for the instance's, so the plan that the last update was to bring counts too, and for a request
 * about a binding the plan that it was made under.
 */
export async function planMismatch(
  store: StoreReader,
  instance: ServiceInstance,
  { serviceId, planId }: PlanIds,
  binding?: Pick<ServiceBinding, 'planId'>,
): Promise<ChandlerError | undefined> {
  if (serviceId !== undefined && serviceId !== instance.serviceId) return foreignId('service_id', serviceId);
  if (planId === undefined || planId === instance.planId || planId === binding?.planId) return undefined;
  const latest = await store.latestInstanceOperation(instance.uid);
  const target = latest?.type === 'update' ? await store.findUpdateTarget(latest.uid) : undefined;
  return target?.reveal().planId === planId ? undefined : foreignId('plan_id', planId);
}

function foreignId(field: string, sent: string): ChandlerError {
  return new ChandlerError('MalformedRequest', {
    sentence: `The ${field} ${quote(sent)} is not the one of this service instance. Send the ids that it has.`,
  });
}

/** Both ids of a DELETE, which OSBAPI wants in the query. @throws ChandlerError `MalformedRequest` */
export function requireIds(query: PlanIds): Required<PlanIds> {
  const { serviceId, planId } = query;
  if (serviceId === undefined || planId === undefined) {
    const missing = [
      ...(serviceId === undefined ? ['service_id'] : []),
      ...(planId === undefined ? ['plan_id'] : []),
    ];
    throw new ChandlerError('MalformedRequest', {
      sentence: `${missing.join(' and ')} missing. Send both service_id and plan_id in the query.`,
    });
  }
  return { serviceId, planId };
}

/** Something a client sent, short enough to be repeated in a sentence. */
function quote(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return JSON.stringify(printable.length > 100 ? `${printable.slice(0, 100)}...` : printable);
}
