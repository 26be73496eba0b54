// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What a schema cannot say about a plan: that expressions read only what there will be, and that the parts fit. */
import type { Permission } from '../domain/offering.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { TemplateError } from '../template/types.ts';
import { checkBind } from './check-bind.ts';
import { checkManifests, checkPasswords, secretsRead } from './check-manifests.ts';
import {
  type CheckedTemplate,
  checkTemplate,
  readableByDashboard,
  readableByResources,
  reservedNames,
} from './check-templates.ts';
import { checkUpdates } from './check-updates.ts';
import { checkUrl } from './check-url.ts';
import { longestOperation } from './compile-plan.ts';
import { parseDuration } from './duration.ts';
import type { PlanDefinition } from './offering-file.ts';
import type { ParameterDefinition } from './parameter-definition.ts';
import { lintParameter, parametersSchema, updateSchema } from './parameter-schema.ts';
import { lintPublishedSchema } from './published-schema.ts';
import { orderResources, ResourceCycle } from './resource-order.ts';
import { renderSample } from './sample-scope.ts';
import { findComplaint } from './validate-parameters.ts';

export interface CheckedPlan {
  /** Ids of the resources, each after what it reads. */
  order: string[];
  complaints: Complaint[];
}

/**
 * @param requires of the offering; undefined when that could not be read
 * @param planNames of the offering
 */
export function checkPlan(
  plan: PlanDefinition,
  requires: readonly Permission[] | undefined,
  planNames: readonly string[],
): CheckedPlan {
  const resources = plan.resources.map((resource, index) => checkResource(plan, resource, index));
  const complaints = [
    ...checkParameters(plan.parameters, ['parameters']),
    ...lintSchema(updateSchema(plan.parameters), ['parameters']),
    ...checkParameters(plan.bind?.parameters ?? {}, ['bind', 'parameters']),
    ...checkIds(plan),
    ...resources.flatMap((checked) => checked.complaints),
    ...checkOutputs(plan),
    ...checkBind(plan, requires),
    ...checkDashboardUrl(plan),
    ...checkPolling(plan),
    ...checkUpdates(plan, planNames),
  ];
  const ids = plan.resources.map(({ id }) => id);
  try {
    const needs = new Map(ids.map((id, index) => [id, resources[index]?.needs ?? new Set<string>()]));
    return { order: orderResources(ids, needs), complaints };
  } catch (thrown) {
    if (!(thrown instanceof ResourceCycle)) throw thrown;
    const path = ['resources', ids.indexOf(thrown.cycle[0] ?? '')];
    return { order: ids, complaints: [...complaints, { path, message: thrown.message }] };
  }
}

/** @returns the complaints, and the names that the resource reads */
function checkResource(
  plan: PlanDefinition,
  resource: PlanDefinition['resources'][number],
  index: number,
): { needs: ReadonlySet<string>; complaints: Complaint[] } {
  const { id, secret, readyWhen } = resource;
  const path = ['resources', index];
  const readable = readableByResources(plan);
  const { inputs, at } = inputsOf(resource);
  const checked = checkTemplate(inputs, [...path, ...at], plan, readable);
  const needs = new Set(checked.template?.references);
  const complaints = [...checked.complaints, ...checkOwnReads(checked.template, resource)];
  needs.delete(id);
  for (const [number, text] of readyWhen.entries()) {
    const place = [...path, 'readyWhen', number];
    const condition = checkTemplate(text, place, plan, readable);
    complaints.push(...condition.complaints);
    if (condition.template?.isExpression === false) {
      complaints.push({ path: place, message: 'a condition must be one ${...} expression' });
    }
    for (const name of condition.template?.references ?? []) if (name !== id) needs.add(name);
  }
  if (secret !== undefined && checked.template !== undefined) {
    complaints.push(...checkTexts(plan, secret, [...path, 'secret']));
  }
  complaints.push(
    ...checkManifests(resource, path),
    ...checkPasswords(plan, resource, index, checked.template),
  );
  return { needs, complaints };
}

/** The part of a resource that holds its expressions, and where it stands. */
function inputsOf({ secret, helm, manifests, read, external }: PlanDefinition['resources'][number]): {
  inputs: JsonValue;
  at: string[];
} {
  if (external !== undefined) return { inputs: external.inputs as JsonObject, at: [external.provisioner] };
  if (manifests?.isOne === true) return { inputs: manifests.objects[0] ?? {}, at: ['manifest'] };
  if (manifests !== undefined) return { inputs: manifests.objects, at: ['manifests'] };
  if (read !== undefined) return { inputs: read, at: ['read'] };
  return secret === undefined
    ? { inputs: (helm?.values ?? {}) as JsonObject, at: ['helm', 'values'] }
    : { inputs: secret, at: ['secret'] };
}

/** Nothing is known of a resource before it is made, but what it will be called. */
function checkOwnReads(
  template: CheckedTemplate['template'],
  { id }: PlanDefinition['resources'][number],
): Complaint[] {
  return (template?.reads ?? [])
    .filter(({ name, key }) => name === id && key !== 'name')
    .map(({ path }) => ({ path, message: `\`${id}\` cannot read itself, except for \`${id}.name\`` }));
}

function checkOutputs(plan: PlanDefinition): Complaint[] {
  const outputs = plan.outputs as JsonObject;
  const { template, complaints } = checkTemplate(outputs, ['outputs'], plan, readableByResources(plan));
  const secrets = secretsRead(plan);
  const open = (template?.reads ?? []).filter(({ name }) => name === 'generated' || secrets.includes(name));
  return [
    ...complaints,
    ...open.map(({ name, path }) => ({
      path,
      message: `outputs are no secret, and \`${name}\` holds passwords; work out from names what you need, for example \${instance.name}-db.\${instance.namespace}.svc`,
    })),
  ];
}

/** A Secret holds texts: `${generated.admin}` is a map, `${generated.admin.password}` is what was meant. */
function checkTexts(
  plan: PlanDefinition,
  secret: Record<string, string>,
  path: (string | number)[],
): Complaint[] {
  return Object.entries(secret).flatMap(([key, text]) => {
    const { template } = checkTemplate(text, [...path, key], plan, readableByResources(plan));
    try {
      const sample = template === undefined ? undefined : renderSample(template, plan);
      if (sample === undefined || typeof sample === 'string') return [];
      const what = isJsonObject(sample) ? `a map (${Object.keys(sample).join(', ')})` : 'no text';
      const message = `\`${key}\` of a secret must be a text, but this gives ${what}`;
      return [{ path: [...path, key], message }];
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      return [{ path: thrown.path, message: thrown.message }];
    }
  });
}

function checkParameters(parameters: Record<string, ParameterDefinition>, path: string[]): Complaint[] {
  const complaints = Object.entries(parameters).flatMap(([name, parameter]) =>
    lintParameter(parameter).map(({ key, message }) => ({ path: [...path, name, key], message })),
  );
  if (complaints.length > 0) return complaints;
  const refused = lintSchema(parametersSchema(parameters), path);
  if (refused.length > 0) return refused;
  return Object.entries(parameters).flatMap(([name, parameter]) => {
    if (parameter.default === undefined) return [];
    const sentence = findComplaint(parametersSchema({ [name]: parameter }), { [name]: parameter.default });
    if (sentence === undefined) return [];
    return [{ path: [...path, name, 'default'], message: `the default breaks its own rule: ${sentence}` }];
  });
}

/** @param path of the parameters that the schema was made from */
function lintSchema(schema: JsonObject, path: string[]): Complaint[] {
  return lintPublishedSchema(schema).map((complaint) => {
    const [first, ...rest] = complaint.path;
    return { ...complaint, path: first === 'properties' ? [...path, ...rest] : path };
  });
}

function checkIds(plan: PlanDefinition): Complaint[] {
  const seen = new Set<string>();
  return plan.resources.flatMap(({ id }, index) => {
    const path = ['resources', index, 'id'];
    if (reservedNames.includes(id))
      return [{ path, message: `\`${id}\` is a name that expressions read already` }];
    if (seen.has(id)) return [{ path, message: `there are two resources with the id \`${id}\`` }];
    seen.add(id);
    return [];
  });
}

function checkDashboardUrl(plan: PlanDefinition): Complaint[] {
  if (plan.dashboardUrl === undefined) return [];
  const rules = { readable: readableByDashboard(plan), schemes: ['https:', 'http:'] };
  return checkUrl(plan.dashboardUrl, ['dashboardUrl'], plan, rules);
}

/** A platform that stops polling before an operation ends gives up on an instance that may yet succeed. */
function checkPolling(plan: PlanDefinition): Complaint[] {
  const { maximumPollingDuration } = plan;
  if (maximumPollingDuration === undefined) return [];
  const longest = longestOperation(plan);
  if ((parseDuration(maximumPollingDuration) ?? 0) >= longest) return [];
  const message = `\`maximumPollingDuration\` must not be shorter than any operation by \`timeouts\`: ${longest}s (a bind may wait for its instance)`;
  return [{ path: ['maximumPollingDuration'], message }];
}
