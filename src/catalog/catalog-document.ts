/**
 * The OSBAPI catalog document (spec, "Catalog Management"). Every boolean is there, also where the specification has a
 * default: some platforms decode an absent one as false.
 */
import type { ServiceOffering, ServicePlan } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';

/** @param pollingSeconds `maximum_polling_duration` by plan id */
export function catalogDocument(
  offerings: readonly ServiceOffering[],
  pollingSeconds: ReadonlyMap<string, number>,
): JsonObject {
  return {
    services: offerings.map((offering) => ({
      id: offering.id,
      name: offering.name,
      description: offering.description,
      tags: offering.tags,
      ...(offering.requires.length === 0 ? {} : { requires: offering.requires }),
      bindable: offering.plans.some(({ bindable }) => bindable),
      instances_retrievable: true,
      bindings_retrievable: true,
      allow_context_updates: true,
      plan_updateable: offering.plans.some(({ planUpdateable }) => planUpdateable),
      metadata: offering.metadata,
      ...dashboardClient(offering),
      plans: offering.plans.map((plan) => planDocument(plan, pollingSeconds.get(plan.id))),
    })),
  };
}

function dashboardClient({ dashboardClient: client }: ServiceOffering): JsonObject {
  if (client === undefined) return {};
  const { id, secret, redirectUri } = client;
  return { dashboard_client: { id, secret: secret.reveal(), redirect_uri: redirectUri } };
}

function planDocument(plan: ServicePlan, pollingSeconds: number | undefined): JsonObject {
  const { maintenance, schemas } = plan;
  return {
    id: plan.id,
    name: plan.name,
    description: plan.description,
    free: plan.free,
    bindable: plan.bindable,
    binding_rotatable: plan.bindingRotatable,
    plan_updateable: plan.planUpdateable,
    metadata: plan.metadata,
    schemas: {
      service_instance: {
        create: { parameters: schemas.provision },
        update: { parameters: schemas.update },
      },
      ...(plan.bindable ? { service_binding: { create: { parameters: schemas.bind } } } : {}),
    },
    ...(maintenance === undefined ? {} : { maintenance_info: { ...maintenance } }),
    ...(pollingSeconds === undefined ? {} : { maximum_polling_duration: pollingSeconds }),
  };
}
