import { isObject, isText, type JsonObject, type JsonValue, objectsOf } from './json.ts';

/** A plan of the broker's catalog, with what the service says for it. Absent flags have the spec's defaults. */
export interface PlanOnOffer {
  /** `service/plan`, by name. */
  label: string;
  serviceId: string;
  planId: string;
  bindable: boolean;
  updateable: boolean;
  rotatable: boolean;
  instancesRetrievable: boolean;
  bindingsRetrievable: boolean;
  allowContextUpdates: boolean;
  maintenanceVersion: string | undefined;
  /** `maintenance_info` as it stands in the catalog. */
  maintenance: JsonObject | undefined;
  /** How long a platform polls for an operation of it, in seconds. */
  maximumPollingSeconds: number | undefined;
  schemas: { provision?: JsonObject; update?: JsonObject; bind?: JsonObject };
}

/** Every plan that has the ids a request needs; what else is wrong with a catalog is for its checks to say. */
export function plansOnOffer(catalog: JsonValue | undefined): PlanOnOffer[] {
  const services = isObject(catalog) ? objectsOf(catalog.services) : [];
  return services.flatMap((service) =>
    objectsOf(service.plans).flatMap((plan) => {
      const { id: serviceId } = service;
      const { id: planId } = plan;
      return isText(serviceId) && isText(planId) ? [planOf(service, plan, { serviceId, planId })] : [];
    }),
  );
}

function planOf(
  service: JsonObject,
  plan: JsonObject,
  { serviceId, planId }: { serviceId: string; planId: string },
): PlanOnOffer {
  const flag = (name: string, absent = false) => {
    const value = plan[name] ?? service[name];
    return typeof value === 'boolean' ? value : absent;
  };
  const maintenance = plan.maintenance_info;
  const version = isObject(maintenance) ? maintenance.version : undefined;
  const polling = plan.maximum_polling_duration;
  return {
    label: `${nameOf(service, serviceId)}/${nameOf(plan, planId)}`,
    serviceId,
    planId,
    bindable: flag('bindable'),
    updateable: flag('plan_updateable'),
    rotatable: plan.binding_rotatable === true,
    instancesRetrievable: service.instances_retrievable === true,
    bindingsRetrievable: service.bindings_retrievable === true,
    allowContextUpdates: service.allow_context_updates === true,
    maintenanceVersion: isText(version) ? version : undefined,
    maintenance: isObject(maintenance) ? maintenance : undefined,
    maximumPollingSeconds: typeof polling === 'number' ? polling : undefined,
    schemas: schemasOf(plan.schemas),
  };
}

function schemasOf(schemas: JsonValue | undefined): PlanOnOffer['schemas'] {
  const at = (...keys: string[]): JsonObject | undefined => {
    let value = schemas;
    for (const key of keys) value = isObject(value) ? value[key] : undefined;
    return isObject(value) ? value : undefined;
  };
  const provision = at('service_instance', 'create', 'parameters');
  const update = at('service_instance', 'update', 'parameters');
  const bind = at('service_binding', 'create', 'parameters');
  return {
    ...(provision === undefined ? {} : { provision }),
    ...(update === undefined ? {} : { update }),
    ...(bind === undefined ? {} : { bind }),
  };
}

function nameOf(offered: JsonObject, id: string): string {
  const { name } = offered;
  return isText(name) ? name : id;
}

/** What was asked for with `--plan` is not in the catalog. */
export class NoSuchPlan extends Error {
  override name = 'NoSuchPlan';
}

/**
 * @param wanted `service/plan` by names or ids, a plan's name or its id; none: the first plan that can be bound
 * @throws NoSuchPlan with the plans that there are
 */
export function choosePlans(plans: readonly PlanOnOffer[], wanted: readonly string[]): PlanOnOffer[] {
  if (wanted.length === 0)
    return [plans.find(({ bindable }) => bindable) ?? plans[0]].filter((plan) => plan !== undefined);
  return wanted.map((name) => {
    const found = plans.filter((plan) => namesOf(plan).includes(name));
    const [plan] = found;
    if (plan !== undefined && found.length === 1) return plan;
    const all = plans.map(({ label }) => label).join(', ');
    throw new NoSuchPlan(
      found.length === 0
        ? `No plan is called ${name}. The catalog has: ${all}.`
        : `More than one plan is called ${name}; write service/plan. The catalog has: ${all}.`,
    );
  });
}

function namesOf({ label, serviceId, planId }: PlanOnOffer): string[] {
  const plan = label.slice(label.indexOf('/') + 1);
  return [label, plan, planId, `${serviceId}/${planId}`];
}
