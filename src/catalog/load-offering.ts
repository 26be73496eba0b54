/** One catalog file: merged, checked and compiled, with every problem found. */
import type { ServiceOffering } from '../domain/offering.ts';
import { type Complaint, explainIssues } from '../lib/explain-issues.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { Path, YamlSource } from '../lib/yaml-source.ts';
import { checkPlan } from './check-plan.ts';
import { compileRevision, pollingSeconds, servicePlan } from './compile-plan.ts';
import { lintManifests } from './lint-policy.ts';
import { mergeMaps, mergePlan } from './merge-plan.ts';
import {
  type CatalogKinds,
  inheritedKeys,
  type OfferingHead,
  offeringSchema,
  type PlanDefinition,
  planSchema,
} from './offering-file.ts';
import { type ChartContext, readCharts } from './read-charts.ts';
import { readManifestFolders } from './read-manifest-folders.ts';
import type { CatalogPlace, CatalogProblem, CompiledPlan } from './types.ts';

export interface LoadContext extends ChartContext {
  kinds: CatalogKinds;
  /** Laid over the `set` of plans, key by key, where the plan has that key. */
  set: JsonObject;
  problems: CatalogProblem[];
}

export interface LoadedOffering {
  source: YamlSource;
  offering: ServiceOffering;
  compiledPlans: CompiledPlan[];
  /** `maximum_polling_duration` by plan id. */
  pollingSeconds: ReadonlyMap<string, number>;
}

/** @returns undefined when something is wrong; `context.problems` then tells what */
export async function loadOffering(
  source: YamlSource,
  context: LoadContext,
): Promise<LoadedOffering | undefined> {
  context.problems.push(...source.problems);
  if (source.content === undefined) return undefined;
  const before = context.problems.length;
  const head = offeringSchema.safeParse(source.content);
  if (!head.success) report(source, context, explainIssues(offeringSchema, head.error.issues));

  const rawPlans = source.content.plans;
  const planNames = namesOf(rawPlans);
  const plans: { compiled: CompiledPlan; definition: PlanDefinition }[] = [];
  for (const [index, rawPlan] of (Array.isArray(rawPlans) ? rawPlans : []).entries()) {
    if (!isJsonObject(rawPlan)) continue;
    const overridden = withOverrides(mergePlan(source.content, rawPlan), context.set);
    const { plan: merged, sourceOf, problems } = await readManifestFolders(overridden, context.chartRoot);
    context.problems.push(...problems);
    const locate = (at: Path): CatalogPlace => {
      const inFolder = sourceOf(at);
      const { line, column } = inFolder?.location ?? locateInPlan(source, overridden, index, at);
      return { file: inFolder?.file ?? source.file, line, column };
    };
    const plan = await loadPlan(merged, { head: head.data, planNames }, context, locate);
    if (plan !== undefined) plans.push(plan);
  }
  if (!head.success || context.problems.length > before) return undefined;
  return {
    source,
    offering: {
      ...serviceOffering(head.data),
      plans: plans.map(({ definition, compiled }) => servicePlan(definition, compiled.revision)),
    },
    compiledPlans: plans.map(({ compiled }) => compiled),
    pollingSeconds: new Map(plans.map(({ definition }) => [definition.id, pollingSeconds(definition)])),
  };
}

function namesOf(rawPlans: JsonValue | undefined): string[] {
  return (Array.isArray(rawPlans) ? rawPlans : []).flatMap((plan) =>
    isJsonObject(plan) && typeof plan.name === 'string' ? [plan.name] : [],
  );
}

function serviceOffering(head: OfferingHead): Omit<ServiceOffering, 'plans'> {
  const { id, name, description, tags, requires, metadata, dashboardClient } = head;
  return {
    id,
    name,
    description,
    tags,
    requires,
    metadata: metadata as JsonObject,
    ...(dashboardClient === undefined
      ? {}
      : { dashboardClient: { ...dashboardClient, secret: new Redacted(dashboardClient.secret) } }),
  };
}

function withOverrides(merged: JsonObject, overrides: JsonObject): JsonObject {
  const { set } = merged;
  if (!isJsonObject(set)) return merged;
  const relevant = Object.fromEntries(Object.entries(overrides).filter(([key]) => Object.hasOwn(set, key)));
  return { ...merged, set: mergeMaps(set, relevant) };
}

async function loadPlan(
  merged: JsonObject,
  { head, planNames }: { head: OfferingHead | undefined; planNames: readonly string[] },
  context: LoadContext,
  locate: (at: Path) => CatalogPlace,
): Promise<{ compiled: CompiledPlan; definition: PlanDefinition } | undefined> {
  const complain = (complaints: Complaint[]) =>
    context.problems.push(...complaints.map(({ path: at, message }) => ({ ...locate(at), message })));
  const schema = planSchema(context.kinds);
  const parsed = schema.safeParse(merged);
  if (!parsed.success) {
    complain(explainIssues(schema, parsed.error.issues));
    return undefined;
  }
  const definition = parsed.data;
  const { order, complaints } = checkPlan(definition, head?.requires, planNames);
  complaints.push(...lintManifests(definition));
  const { charts, complaints: chartComplaints } = await readCharts(definition, context);
  complain([...complaints, ...chartComplaints]);
  if (head === undefined || complaints.length + chartComplaints.length > 0) return undefined;
  const revision = compileRevision(head, definition, order, charts);
  const archives = new Map([...charts.values()].map(({ digest, archive }) => [digest, archive]));
  const compiled: CompiledPlan = {
    revision,
    charts: archives,
    locate: (id, field) => locate(placeOf(definition, id, field)),
  };
  return { compiled, definition };
}

function placeOf({ resources }: PlanDefinition, id: string, field?: { object: number; path: Path }): Path {
  const index = resources.findIndex((resource) => resource.id === id);
  const { manifests, read, helm } = resources[index] ?? {};
  const { object, path: at } = field ?? { object: 0, path: ['kind'] };
  if (manifests?.isOne === true) return ['resources', index, 'manifest', ...at];
  if (manifests !== undefined) return ['resources', index, 'manifests', object, ...at];
  if (read !== undefined) return ['resources', index, 'read', 'kind'];
  return ['resources', index, ...(helm === undefined ? [] : ['helm', 'chart'])];
}

function report(source: YamlSource, context: LoadContext, complaints: Complaint[]): void {
  for (const { path: at, message } of complaints) {
    const { line, column } = source.locate(at);
    context.problems.push({ file: source.file, line, column, message });
  }
}

/** A merged plan comes from two places of the file: points to the plan's own words where they reach as deep. */
function locateInPlan(
  source: YamlSource,
  merged: JsonObject,
  index: number,
  at: Path,
): { line: number; column: number } {
  const inPlan = source.locate(['plans', index, ...followResource(merged, at, planResources(source, index))]);
  const inOffering = source.locate(followResource(merged, at, source.content?.resources));
  const inherited = (inheritedKeys as PropertyKey[]).includes(at[0] ?? '');
  return !inherited || inPlan.depth - 2 >= inOffering.depth ? inPlan : inOffering;
}

function planResources(source: YamlSource, index: number): JsonValue | undefined {
  const plans = source.content?.plans;
  const plan = Array.isArray(plans) ? plans[index] : undefined;
  return isJsonObject(plan) ? plan.resources : undefined;
}

/** The same path with the index of a merged resource replaced by its index in `resources`. */
function followResource(merged: JsonObject, at: Path, resources: JsonValue | undefined): Path {
  const [first, index, ...rest] = at;
  const all = merged.resources;
  if (first !== 'resources' || typeof index !== 'number' || !Array.isArray(all)) return at;
  const wanted = all[index];
  if (!isJsonObject(wanted) || !Array.isArray(resources)) return ['resources', 'absent'];
  const found = resources.findIndex((item) => isJsonObject(item) && item.id === wanted.id);
  return found === -1 ? ['resources', 'absent'] : ['resources', found, ...rest];
}
