import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision, ResourceSpec } from '../domain/offering.ts';
import type { KubeObject } from '../kube/types.ts';
import { apiGroupOf } from '../lib/api-group.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { labelKeys } from '../lib/labels.ts';
import { Redacted } from '../lib/redacted.ts';
import { compileTemplate, evaluateCondition } from '../template/compile-template.ts';
import { MissingValue, TemplateError, type TemplateScope } from '../template/types.ts';
import { resourceName, resourceOutputs } from './resource-state.ts';

/** What expressions read of an instance itself. */
export type ScopedInstance = Pick<
  ServiceInstance,
  'externalName' | 'namespace' | 'platform' | 'contextNamespace' | 'parameters' | 'generated'
>;

/**
 * What the expressions of a plan may read for one instance. Holds passwords: never log it.
 * @param observed every observed object of the instance
 * @param found by resource id: outputs of its resources outside of clusters, and of objects that it reads
 */
export function instanceScope(
  instance: ScopedInstance,
  revision: PlanRevision,
  observed: readonly KubeObject[],
  found: ReadonlyMap<string, JsonObject> = new Map(),
): TemplateScope {
  const target = { name: instance.externalName };
  const resources = revision.resources.map((spec) => [spec.id, outputsOf(spec, target, observed, found)]);
  return {
    plan: revision.set,
    parameters: { ...revision.parameterDefaults, ...instance.parameters },
    generated: instance.generated.reveal(),
    instance: {
      name: instance.externalName,
      namespace: instance.namespace,
      platform: instance.platform,
      contextNamespace: instance.contextNamespace ?? '',
    },
    ...(Object.fromEntries(resources) as TemplateScope),
  };
}

function outputsOf(
  spec: ResourceSpec,
  target: { name: string },
  observed: readonly KubeObject[],
  found: ReadonlyMap<string, JsonObject>,
): JsonObject {
  switch (spec.kind) {
    case 'external':
      return { ...found.get(spec.id), name: resourceName(target, spec.id) };
    case 'read':
      return found.get(spec.id) ?? {};
    case 'secret':
    case 'helm':
      return resourceOutputs(target, spec.id, observed);
    case 'manifest':
      return { ...singleObject(spec, observed), ...resourceOutputs(target, spec.id, observed) };
  }
}

/** Of a resource that is one object: that object, as it was last seen, perhaps by a version that another plan writes. */
function singleObject(
  { id, objects }: Extract<ResourceSpec, { kind: 'manifest' }>,
  observed: readonly KubeObject[],
): JsonObject {
  const [only, ...others] = objects;
  if (typeof only?.apiVersion !== 'string' || others.length > 0) return {};
  const group = apiGroupOf(only.apiVersion);
  const seen = observed.findLast(
    ({ apiVersion, kind, metadata }) =>
      apiGroupOf(apiVersion) === group && kind === only.kind && metadata.labels?.[labelKeys.resource] === id,
  );
  return seen === undefined ? {} : readableParts(seen);
}

/** What expressions read of an object that the cluster has. */
export function readableParts({ metadata, spec, status }: KubeObject): JsonObject {
  const parts = { metadata, spec, status } as unknown as JsonObject;
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => isJsonObject(part)));
}

/**
 * Renders a JSON tree of a plan, such as its outputs.
 * @returns undefined while a value is missing
 * @throws ChandlerError `TemplateFailed`
 */
export function renderTree(tree: JsonValue, scope: TemplateScope, what: string): JsonValue | undefined {
  try {
    return compileTemplate(tree, { known: new Set(Object.keys(scope)), path: [what] }).render(scope);
  } catch (thrown) {
    if (thrown instanceof MissingValue) return undefined;
    throw templateFailure(thrown, what);
  }
}

function templateFailure(thrown: unknown, what: string): unknown {
  if (!(thrown instanceof TemplateError)) return thrown;
  return new ChandlerError('TemplateFailed', {
    sentence: `An expression of ${what} could not be evaluated: ${thrown.message}`,
    cause: thrown,
  });
}

/** The part of a resource that holds its expressions, `readyWhen` apart. */
function resourceInputs(spec: ResourceSpec): JsonObject {
  switch (spec.kind) {
    case 'secret':
      return spec.data;
    case 'helm':
      return spec.values;
    case 'external':
      return spec.inputs;
    case 'manifest':
      return { objects: spec.objects };
    case 'read':
      return { name: spec.object.name };
  }
}

/**
 * The inputs of a resource, with its expressions evaluated.
 * @returns undefined while an expression reads a value that does not exist yet
 * @throws ChandlerError `TemplateFailed`
 */
export function renderInputs(spec: ResourceSpec, scope: TemplateScope): JsonObject | undefined {
  const rendered = renderTree(resourceInputs(spec), scope, `the resource ${spec.id}`);
  return isJsonObject(rendered) ? rendered : undefined;
}

/** Ids of the resources that a resource's expressions read, the order in which they must be made. */
export function resourceDependencies(spec: ResourceSpec, resources: readonly ResourceSpec[]): string[] {
  const known = new Set(['plan', 'parameters', 'generated', 'instance', ...resources.map(({ id }) => id)]);
  const { references } = compileTemplate(resourceInputs(spec), { known, path: [spec.id] });
  return resources.map(({ id }) => id).filter((id) => id !== spec.id && references.has(id));
}

/**
 * The first `readyWhen` condition of a resource that does not hold yet. A missing key means that it does not hold.
 * @throws ChandlerError `TemplateFailed`
 */
export function unmetCondition(spec: ResourceSpec, scope: TemplateScope): string | undefined {
  const known = new Set(Object.keys(scope));
  try {
    return spec.readyWhen.find(
      (text) => !evaluateCondition(compileTemplate(text, { known, path: [spec.id] }), scope),
    );
  } catch (thrown) {
    throw templateFailure(thrown, `the resource ${spec.id}`);
  }
}

/** The admin login of an instance's server, from the secret that the plan makes, or reads. */
export function adminLogin(
  revision: PlanRevision,
  scope: TemplateScope,
): { username: string; password: Redacted<string> } {
  const spec = revision.resources.find(({ id }) => id === revision.bind?.admin);
  const data = spec === undefined ? undefined : adminData(spec, scope);
  const { username, password }: JsonObject = isJsonObject(data) ? data : {};
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw new ChandlerError('TemplateFailed', {
      sentence: 'The secret resource that the plan names as admin has no username and password.',
    });
  }
  return { username, password: new Redacted(password) };
}

function adminData(spec: ResourceSpec, scope: TemplateScope): JsonValue | undefined {
  if (spec.kind === 'secret') return renderTree(spec.data, scope, `resource ${spec.id}`);
  const found = spec.kind === 'read' ? scope[spec.id] : undefined;
  return isJsonObject(found) ? found.data : undefined;
}
