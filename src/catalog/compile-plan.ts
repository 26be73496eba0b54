/** From a plan's definition to the immutable revision that operations refer to. */
import { createHash } from 'node:crypto';
import type {
  AttachmentSpec,
  BindSpec,
  PlanRevision,
  ResourceSpec,
  ServicePlan,
} from '../domain/offering.ts';
import type { PlanPolicy } from '../domain/policy/types.ts';
import type { PackedChart } from '../helm/pack-chart.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { BindDefinition } from './bind-definition.ts';
import { longestLifetime, parseDuration } from './duration.ts';
import type { OfferingHead, PlanDefinition } from './offering-file.ts';
import type { InstanceParameter } from './parameter-definition.ts';
import { parametersSchema, updateSchema } from './parameter-schema.ts';

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
  const volumes = namesOf(plan, ({ update, volume }) => update === 'grow-only' && volume === true);
  const rest: Omit<PlanRevision, 'digest'> = {
    serviceId: offering.id,
    planId: plan.id,
    serviceName: offering.name,
    planName: plan.name,
    ...(plan.maintenance === undefined ? {} : { maintenanceVersion: plan.maintenance.version }),
    set: plan.set as JsonObject,
    parameterDefaults: Object.fromEntries(defaults),
    schemas: {
      provision: parametersSchema(plan.parameters),
      update: updateSchema(plan.parameters),
      bind: parametersSchema(plan.bind?.parameters ?? {}),
    },
    generate: plan.generate,
    resources: order.map((id) => compileResource(plan, id, charts)),
    outputs: plan.outputs as Record<string, JsonValue>,
    ...(plan.bind === undefined ? {} : { bind: compileBind(plan.bind) }),
    updates: {
      plan: plan.updates.plan,
      growOnly: namesOf(plan, ({ update }) => update === 'grow-only'),
      ...(volumes.length === 0 ? {} : { volumes }),
      ...(plan.updates.rules.length === 0 ? {} : { rules: plan.updates.rules }),
    },
    ...(plan.dashboardUrl === undefined ? {} : { dashboardUrl: plan.dashboardUrl }),
    sync: plan.sync,
    timeouts: timeoutsOf(plan),
    // Absent in every revision that was made before there was a choice, and part of its digest.
    ...(plan.drift === 'repair' ? { drift: plan.drift } : {}),
    ...(plan.policy === undefined ? {} : { policy: plan.policy as PlanPolicy }),
  };
  const text = canonicalJson(rest as unknown as JsonObject);
  return { digest: `sha256:${createHash('sha256').update(text).digest('hex')}`, ...rest };
}

function namesOf({ parameters }: PlanDefinition, test: (parameter: InstanceParameter) => boolean): string[] {
  return Object.entries(parameters).flatMap(([name, parameter]) => (test(parameter) ? [name] : []));
}

function compileResource(
  plan: PlanDefinition,
  id: string,
  charts: ReadonlyMap<string, PackedChart>,
): ResourceSpec {
  const resource = plan.resources.find((candidate) => candidate.id === id);
  const readyWhen = resource?.readyWhen ?? [];
  if (resource?.secret !== undefined) return { id, kind: 'secret', data: resource.secret, readyWhen };
  if (resource?.external !== undefined) {
    const { provisioner, inputs } = resource.external;
    return { id, kind: 'external', provisioner, inputs: inputs as JsonObject, readyWhen };
  }
  if (resource?.manifests !== undefined) {
    return { id, kind: 'manifest', objects: resource.manifests.objects, readyWhen };
  }
  if (resource?.read !== undefined) return { id, kind: 'read', object: resource.read, readyWhen };
  const chart = charts.get(id);
  if (resource?.helm === undefined || chart === undefined) throw new Error(`resource ${id} was not checked`);
  const values = resource.helm.values as JsonObject;
  const { freeOfTpl, crds, mode, hookTimeout = '5m', history = 10 } = resource.helm;
  const helm = {
    ...{ chartDigest: chart.digest, chartName: chart.name, values },
    ...(freeOfTpl ? { freeOfTpl } : {}),
    ...(crds === 'refuse' ? {} : { crds }),
    ...(mode === 'release' ? { release: { hookTimeout: secondsOf(hookTimeout), history } } : {}),
  };
  return { id, kind: 'helm', ...helm, readyWhen };
}

function compileBind(bind: BindDefinition): BindSpec {
  const { engine, admin, connectionLimit, rotatable, requiresApp, lifetime, renewBefore } = bind;
  return {
    engine,
    ...(admin === undefined ? {} : { admin }),
    connectionLimit,
    rotatable,
    requiresApp,
    ...(lifetime === undefined ? {} : { lifetime: secondsOf(lifetime, longestLifetime) }),
    ...(renewBefore === undefined ? {} : { renewBefore: secondsOf(renewBefore, longestLifetime) }),
    attachments: bind.attachments as AttachmentSpec,
  };
}

function timeoutsOf({ timeouts }: PlanDefinition): PlanRevision['timeouts'] {
  return {
    provision: secondsOf(timeouts.provision),
    update: secondsOf(timeouts.update),
    deprovision: secondsOf(timeouts.deprovision),
    bind: secondsOf(timeouts.bind),
    unbind: secondsOf(timeouts.unbind),
    ...(timeouts.trouble === undefined ? {} : { trouble: secondsOf(timeouts.trouble) }),
  };
}

/** @param longest as of parseDuration */
function secondsOf(duration: string, longest?: number): number {
  const seconds = parseDuration(duration, longest);
  if (seconds === undefined) throw new Error(`duration ${duration} was not checked`);
  return seconds;
}

/** Time for the platform to ask once more after an operation ran into its time limit, in seconds. */
const lastWord = 60;

/** An update that fails may take as long again to bring back the version before. */
const restoredIn = 2;

/**
 * How long the platform should poll, in seconds. Unless the plan says it, longer than any operation may take: so it
 * still hears why one ran out of time, instead of giving up at the same moment.
 */
export function pollingSeconds(plan: PlanDefinition): number {
  if (plan.maximumPollingDuration !== undefined) return secondsOf(plan.maximumPollingDuration);
  const { update } = timeoutsOf(plan);
  return Math.max(longestOperation(plan), restoredIn * update) + lastWord;
}

/** The longest that an operation may take, in seconds. A bind may first have to wait for its instance. */
export function longestOperation(plan: PlanDefinition): number {
  const { provision, update, deprovision, bind, unbind } = timeoutsOf(plan);
  const ofInstance = Math.max(provision, update);
  if (plan.bind === undefined) return Math.max(ofInstance, deprovision);
  return Math.max(ofInstance + bind, deprovision, unbind);
}

/** A list may be inherited by the very plan that it names, which is no way to leave it. */
function mayLeave({ name, updates: { plan } }: PlanDefinition): boolean {
  return typeof plan === 'boolean' ? plan : plan.some((other) => other !== name);
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
    planUpdateable: mayLeave(plan),
    bindingRotatable: plan.bind?.rotatable ?? false,
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
