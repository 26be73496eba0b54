/** From a plan's definition to the immutable revision that operations refer to. */
import { createHash } from 'node:crypto';
import type { PlanRevision, ResourceSpec, ServicePlan } from '../domain/offering.ts';
import type { PackedChart } from '../helm/pack-chart.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../lib/json.ts';
import { parseDuration } from './duration.ts';
import type { OfferingHead, PlanDefinition } from './offering-file.ts';
import { parametersSchema } from './parameter-schema.ts';

/**
 * @param plan checked by checkPlan
 * @param order ids of the resources, each after what it reads
 * @param charts packed charts by resource id
 */
export function compileRevision(
  offering: OfferingHead,
  plan: PlanDefinition,
  order: readonly string[],
  charts: ReadonlyMap<string, PackedChart>,
): PlanRevision {
  const defaults = Object.entries(plan.parameters).flatMap(([name, parameter]) =>
    parameter.default === undefined ? [] : [[name, parameter.default] as const],
  );
  const rest: Omit<PlanRevision, 'digest'> = {
    serviceId: offering.id,
    planId: plan.id,
    serviceName: offering.name,
    planName: plan.name,
    ...(plan.maintenance === undefined ? {} : { maintenanceVersion: plan.maintenance.version }),
    set: plan.set as JsonObject,
    parameterDefaults: Object.fromEntries(defaults),
    schemas: { provision: parametersSchema(plan.parameters), bind: parametersSchema({}) },
    generate: plan.generate,
    resources: order.map((id) => compileResource(plan, id, charts)),
    outputs: plan.outputs as Record<string, JsonValue>,
    ...(plan.bind === undefined ? {} : { bind: plan.bind }),
    sync: plan.sync,
    timeouts: {
      provision: secondsOf(plan.timeouts.provision),
      deprovision: secondsOf(plan.timeouts.deprovision),
      bind: secondsOf(plan.timeouts.bind),
      unbind: secondsOf(plan.timeouts.unbind),
    },
  };
  const text = canonicalJson(rest as unknown as JsonObject);
  return { digest: `sha256:${createHash('sha256').update(text).digest('hex')}`, ...rest };
}

function compileResource(
  plan: PlanDefinition,
  id: string,
  charts: ReadonlyMap<string, PackedChart>,
): ResourceSpec {
  const resource = plan.resources.find((candidate) => candidate.id === id);
  const readyWhen = resource?.readyWhen ?? [];
  if (resource?.secret !== undefined) return { id, kind: 'secret', data: resource.secret, readyWhen };
  const chart = charts.get(id);
  if (resource?.helm === undefined || chart === undefined) throw new Error(`resource ${id} was not checked`);
  const values = resource.helm.values as JsonObject;
  return { id, kind: 'helm', chartDigest: chart.digest, chartName: chart.name, values, readyWhen };
}

function secondsOf(duration: string): number {
  const seconds = parseDuration(duration);
  if (seconds === undefined) throw new Error(`duration ${duration} was not checked`);
  return seconds;
}

/** What the catalog tells platforms about the plan. */
export function servicePlan(plan: PlanDefinition, revision: PlanRevision): ServicePlan {
  const { id, name, description, free, maintenance } = plan;
  return {
    id,
    name,
    description,
    free,
    bindable: plan.bind !== undefined,
    metadata: plan.metadata as JsonObject,
    ...(maintenance === undefined
      ? {}
      : {
          maintenance: {
            version: maintenance.version,
            ...(maintenance.description === undefined ? {} : { description: maintenance.description }),
          },
        }),
    schemas: revision.schemas,
    revision: revision.digest,
  };
}
