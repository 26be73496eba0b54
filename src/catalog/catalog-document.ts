/** The OSBAPI catalog document (spec, "Catalog Management"). Booleans are always there: some clients decode absent as false. */
import type { PlanRevision, ServiceOffering, ServicePlan } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';

/** Time for the platform to ask once more after an operation ran into its time limit. */
const lastWordSeconds = 60;

/** @param revisions by digest, one for every plan */
export function catalogDocument(
  offerings: readonly ServiceOffering[],
  revisions: ReadonlyMap<string, PlanRevision>,
): JsonObject {
  return {
    services: offerings.map((offering) => ({
      id: offering.id,
      name: offering.name,
      description: offering.description,
      tags: offering.tags,
      bindable: offering.plans.some(({ bindable }) => bindable),
      instances_retrievable: true,
      bindings_retrievable: true,
      allow_context_updates: false,
      plan_updateable: false,
      metadata: offering.metadata,
      plans: offering.plans.map((plan) => planDocument(plan, revisions.get(plan.revision))),
    })),
  };
}

function planDocument(plan: ServicePlan, revision: PlanRevision | undefined): JsonObject {
  return {
    id: plan.id,
    name: plan.name,
    description: plan.description,
    free: plan.free,
    bindable: plan.bindable,
    binding_rotatable: false,
    plan_updateable: false,
    metadata: plan.metadata,
    schemas: {
      service_instance: { create: { parameters: plan.schemas.provision } },
      ...(plan.bindable ? { service_binding: { create: { parameters: plan.schemas.bind } } } : {}),
    },
    ...(plan.maintenance === undefined ? {} : { maintenance_info: { ...plan.maintenance } }),
    // Seconds. Longer than any operation may take, so that a platform still hears why one ran out of time instead of
    // giving up at the same moment.
    ...(revision === undefined
      ? {}
      : { maximum_polling_duration: Math.max(...Object.values(revision.timeouts)) + lastWordSeconds }),
  };
}
