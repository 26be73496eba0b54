// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Compiles the expressions of one plan and finds reads of what will never be there. */
import type { Complaint } from '../lib/explain-issues.ts';
import type { JsonValue } from '../lib/json.ts';
import { hint } from '../lib/nearest.ts';
import { type CompiledTemplate, compileTemplate } from '../template/compile-template.ts';
import { TemplateError } from '../template/types.ts';
import type { PlanDefinition } from './offering-file.ts';

/** Names that expressions may read at some place, each with its keys; undefined where any key may turn up. */
export type Readable = ReadonlyMap<string, readonly string[] | undefined>;

const instanceKeys = ['name', 'namespace', 'platform', 'contextNamespace'];
/** What a provisioner tells of a resource made of Kubernetes objects. */
const resourceKeys = ['name', 'services'];
/** Further, of one that is a single object: that object, as the cluster has it. */
const objectKeys = ['metadata', 'spec', 'status'];
/** Names that no resource may have as its id. */
export const reservedNames = ['plan', 'parameters', 'generated', 'instance', 'outputs'];

/** Names that hold parameters of users over their defaults. */
const parameterScopes = ['parameters', 'old', 'new'];

/** What resources, their conditions and the plan's outputs may read. */
export function readableByResources(plan: PlanDefinition): Readable {
  return new Map([
    ['plan', Object.keys(plan.set)],
    ['parameters', Object.keys(plan.parameters)],
    ['generated', Object.keys(plan.generate)],
    ['instance', instanceKeys],
    ...plan.resources.map((resource) => [resource.id, keysOf(resource)] as const),
  ]);
}

function keysOf({ external, manifests, read }: PlanDefinition['resources'][number]): string[] | undefined {
  // What comes from outside of clusters is known when it is there.
  if (external !== undefined) return undefined;
  if (read !== undefined) return ['name', ...(holdsData(read) ? ['data'] : objectKeys)];
  return manifests?.isOne === true ? [...resourceKeys, ...objectKeys] : resourceKeys;
}

/** Of Secrets and ConfigMaps expressions read the entries, as texts. */
function holdsData({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return apiVersion === 'v1' && (kind === 'Secret' || kind === 'ConfigMap');
}

/** What attachments of bindings may read. */
export function readableByAttachments(plan: PlanDefinition): Readable {
  return new Map([...readableByResources(plan), ['outputs', Object.keys(plan.outputs)]]);
}

/** What the dashboard URL may read: it is in the first answer, when nothing of the instance exists. */
export function readableByDashboard(plan: PlanDefinition): Readable {
  return new Map([
    ['plan', Object.keys(plan.set)],
    ['parameters', Object.keys(plan.parameters)],
    ['instance', [...instanceKeys, 'id']],
  ]);
}

/** What rules of updates may read: parameters over their defaults, and names of plans. */
export function readableByUpdateRules(plan: PlanDefinition): Readable {
  const parameters = Object.keys(plan.parameters);
  return new Map([
    ['old', parameters],
    ['new', parameters],
    ['oldPlan', []],
    ['newPlan', []],
  ]);
}

export interface CheckedTemplate {
  /** Undefined when it does not compile. */
  template?: CompiledTemplate;
  complaints: Complaint[];
}

export function checkTemplate(
  value: JsonValue,
  path: (string | number)[],
  plan: PlanDefinition,
  readable: Readable,
): CheckedTemplate {
  const everywhere = [...readable.keys(), ...readableByResources(plan).keys()];
  try {
    const template = compileTemplate(value, { known: new Set(everywhere), path });
    return { template, complaints: checkReads(template, plan, readable) };
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return { complaints: [{ path: thrown.path, message: thrown.message }] };
  }
}

/** Finds keys that will never be there; without this an instance would wait for them until its time limit. */
function checkReads(template: CompiledTemplate, plan: PlanDefinition, readable: Readable): Complaint[] {
  return template.reads.flatMap(({ name, key, guarded, path }) => {
    if (!readable.has(name)) {
      const message = `\`${name}\` is not known yet when this is needed; it may read ${[...readable.keys()].join(', ')}`;
      return [{ path, message }];
    }
    if (key === undefined || guarded) return [];
    const known = readable.get(name);
    if (known === undefined) return [];
    if (!known.includes(key)) {
      return [{ path, message: `there is no \`${name}.${key}\`; ${hint(key, known)}` }];
    }
    const parameter = parameterScopes.includes(name) ? plan.parameters[key] : undefined;
    if (parameter !== undefined && parameter.default === undefined && !parameter.required) {
      const message = `\`${name}.${key}\` may be absent: give it a default, make it required, or ask has(${name}.${key}) first`;
      return [{ path, message }];
    }
    return [];
  });
}
