// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What a schema cannot say about a plan: that expressions read only what there will be, and that the parts fit. */
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { type CompiledTemplate, compileTemplate } from '../template/compile-template.ts';
import { MissingValue, TemplateError, type TemplateScope } from '../template/types.ts';
import type { Complaint } from './explain-issues.ts';
import { hint } from './nearest.ts';
import type { PlanDefinition } from './offering-file.ts';
import { lintParameter, parametersSchema } from './parameter-schema.ts';
import { orderResources, ResourceCycle } from './resource-order.ts';
import { findComplaint } from './validate-parameters.ts';

const instanceKeys = ['name', 'namespace', 'platform', 'contextNamespace'];
/** What a provisioner tells of a resource. */
const resourceKeys = ['name', 'services'];
const reservedNames = ['plan', 'parameters', 'generated', 'instance'];

export interface CheckedPlan {
  /** Ids of the resources, each after what it reads. */
  order: string[];
  complaints: Complaint[];
}

export function checkPlan(plan: PlanDefinition): CheckedPlan {
  const complaints = [...checkParameters(plan), ...checkIds(plan), ...checkBind(plan)];
  const ids = plan.resources.map(({ id }) => id);
  const known = new Set([...reservedNames, ...ids]);
  const compile = (value: JsonValue, path: (string | number)[]): CompiledTemplate | undefined => {
    try {
      const template = compileTemplate(value, { known, path });
      complaints.push(...checkReads(template, plan, ids));
      return template;
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      complaints.push({ path: thrown.path, message: thrown.message });
      return undefined;
    }
  };

  const needs = new Map<string, Set<string>>();
  for (const [index, { id, secret, helm, readyWhen }] of plan.resources.entries()) {
    const path = ['resources', index];
    const inputs = compile(secret ?? helm?.values ?? {}, [
      ...path,
      ...(secret === undefined ? ['helm', 'values'] : ['secret']),
    ]);
    const conditions = readyWhen.map((text, at) => {
      const condition = compile(text, [...path, 'readyWhen', at]);
      if (condition?.isExpression === false) {
        complaints.push({
          path: [...path, 'readyWhen', at],
          message: 'a condition must be one ${...} expression',
        });
      }
      return condition;
    });
    const read = new Set(inputs?.references);
    for (const condition of conditions) {
      for (const name of condition?.references ?? []) if (name !== id) read.add(name);
    }
    needs.set(id, read);
    if (secret !== undefined && inputs !== undefined)
      complaints.push(...checkTexts(secret, plan, known, index));
  }
  compile(plan.outputs as JsonObject, ['outputs']);

  try {
    return { order: orderResources(ids, needs), complaints };
  } catch (thrown) {
    if (!(thrown instanceof ResourceCycle)) throw thrown;
    const index = ids.indexOf(thrown.cycle[0] ?? '');
    return {
      order: ids,
      complaints: [...complaints, { path: ['resources', index], message: thrown.message }],
    };
  }
}

function checkParameters(plan: PlanDefinition): Complaint[] {
  return Object.entries(plan.parameters).flatMap(([name, parameter]) => {
    const complaints = lintParameter(parameter).map(({ key, message }) => ({
      path: ['parameters', name, key],
      message,
    }));
    if (complaints.length > 0 || parameter.default === undefined) return complaints;
    const sentence = findComplaint(parametersSchema({ [name]: parameter }), { [name]: parameter.default });
    if (sentence === undefined) return [];
    return [
      { path: ['parameters', name, 'default'], message: `the default breaks its own rule: ${sentence}` },
    ];
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

function checkBind(plan: PlanDefinition): Complaint[] {
  const { bind, resources, outputs } = plan;
  if (bind === undefined) return [];
  const complaints: Complaint[] = [];
  const secrets = resources.filter(({ secret }) => secret !== undefined).map(({ id }) => id);
  const admin = resources.find(({ id }) => id === bind.admin)?.secret;
  if (admin === undefined) {
    const message = `\`admin\` must be the id of a secret resource; ${hint(bind.admin, secrets)}`;
    complaints.push({ path: ['bind', 'admin'], message });
  } else if (admin.username === undefined || admin.password === undefined) {
    complaints.push({
      path: ['bind', 'admin'],
      message: `the secret \`${bind.admin}\` needs the keys username and password`,
    });
  }
  for (const key of ['host', 'port']) {
    if (outputs[key] === undefined) {
      complaints.push({ path: ['outputs'], message: `\`outputs\` needs \`${key}\`: bindings connect there` });
    }
  }
  return complaints;
}

/** Finds keys that will never be there; without this an instance would wait for them until its time limit. */
function checkReads(template: CompiledTemplate, plan: PlanDefinition, ids: readonly string[]): Complaint[] {
  return template.reads.flatMap(({ name, key, guarded, path }) => {
    if (key === undefined || guarded) return [];
    const known = knownKeys(name, plan, ids);
    if (!known.includes(key)) {
      return [{ path, message: `there is no \`${name}.${key}\`; ${hint(key, known)}` }];
    }
    const parameter = name === 'parameters' ? plan.parameters[key] : undefined;
    if (parameter !== undefined && parameter.default === undefined && !parameter.required) {
      const message = `\`parameters.${key}\` may be absent: give it a default, make it required, or ask has(parameters.${key}) first`;
      return [{ path, message }];
    }
    return [];
  });
}

function knownKeys(name: string, plan: PlanDefinition, ids: readonly string[]): string[] {
  if (name === 'plan') return Object.keys(plan.set);
  if (name === 'parameters') return Object.keys(plan.parameters);
  if (name === 'generated') return Object.keys(plan.generate);
  if (name === 'instance') return instanceKeys;
  return ids.includes(name) ? resourceKeys : [];
}

/** A Secret holds texts: `${generated.admin}` is a map, `${generated.admin.password}` is what was meant. */
function checkTexts(
  secret: Record<string, string>,
  plan: PlanDefinition,
  known: ReadonlySet<string>,
  index: number,
): Complaint[] {
  return Object.entries(secret).flatMap(([key, text]) => {
    const path = ['resources', index, 'secret', key];
    try {
      const sample = compileTemplate(text, { known, path }).render(sampleScope(plan));
      if (typeof sample === 'string') return [];
      const what = isJsonObject(sample) ? `a map (${Object.keys(sample).join(', ')})` : 'no text';
      return [{ path, message: `\`${key}\` of a secret must be a text, but this gives ${what}` }];
    } catch (thrown) {
      if (thrown instanceof MissingValue) return [];
      if (thrown instanceof TemplateError) return [{ path, message: thrown.message }];
      throw thrown;
    }
  });
}

/** A scope as of a fresh instance that has no resources yet; what a catalog can be tried with. */
export function sampleScope(plan: PlanDefinition): TemplateScope {
  const defaults = Object.entries(plan.parameters).flatMap(([name, parameter]) =>
    parameter.default === undefined ? [] : [[name, parameter.default] as const],
  );
  return {
    plan: plan.set as JsonObject,
    parameters: Object.fromEntries(defaults),
    generated: Object.fromEntries(
      Object.keys(plan.generate).map((id) => [id, { password: 'sample-password' }]),
    ),
    instance: { name: 'i-sample', namespace: 'i-sample', platform: 'sample', contextNamespace: 'sample' },
  };
}
