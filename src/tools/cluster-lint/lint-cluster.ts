/** Whether a cluster could make what a catalog promises: its kinds are there, and it accepts the objects in a dry run. */
import type { CatalogPlace, CatalogProblem, CompiledPlan } from '../../catalog/types.ts';
import { type Cluster, type KindReference, KubeError } from '../../kube/types.ts';
import { servedIn } from '../../kube/unknown-kind.ts';
import type { Path } from '../../lib/yaml-source.ts';
import { refusedPaths } from './refused-paths.ts';
import type { UnknownLeaf } from './render-known.ts';
import { type PlanSurvey, type SampleObject, type SurveyOptions, surveyPlan } from './survey-plan.ts';

export interface ClusterLint {
  problems: CatalogProblem[];
  /** What could not be checked and why, and what the cluster warns of. */
  notes: CatalogProblem[];
  /** How many objects the cluster accepted. */
  accepted: number;
}

/**
 * Tries every plan with sample values in a namespace. Changes nothing.
 * @throws KubeError when the cluster does not answer, or does not have the namespace
 */
export async function lintCluster(
  plans: readonly CompiledPlan[],
  options: SurveyOptions,
): Promise<ClusterLint> {
  const { cluster, namespace } = options;
  if ((await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace })) === undefined) {
    throw new KubeError(404, 'NotFound', `The cluster has no namespace ${namespace} to try objects in.`);
  }
  const lint: ClusterLint = { problems: [], notes: [], accepted: 0 };
  for (const plan of plans) {
    const survey = await surveyPlan(plan, options);
    await reportMissing(plan, survey, cluster, lint);
    for (const { resourceId, message } of survey.refused) {
      lint.problems.push({ ...plan.locate(resourceId), message });
    }
    for (const { resourceId, text } of survey.unknown) {
      lint.notes.push({ ...plan.locate(resourceId), message: notChecked(text) });
    }
    for (const sample of survey.samples) await tryObject(plan, sample, cluster, lint);
  }
  return { ...lint, problems: eachOnce(lint.problems), notes: eachOnce(lint.notes) };
}

async function reportMissing(
  plan: CompiledPlan,
  { missing }: PlanSurvey,
  cluster: Cluster,
  { problems }: ClusterLint,
): Promise<void> {
  for (const { kind, resourceId, number } of missing) {
    const place = plan.locate(resourceId, number === undefined ? undefined : at(number, ['kind']));
    problems.push({ ...place, message: await explainMissing(kind, cluster) });
  }
}

async function explainMissing({ apiVersion, kind }: KindReference, cluster: Cluster): Promise<string> {
  const others = servedIn((await cluster.version()).apiVersions, { apiVersion, kind });
  const what = `the cluster has no kind ${kind} in ${apiVersion}`;
  return others.length === 0
    ? `${what}: install the operator that brings it`
    : `${what}, but in ${others.join(', ')}: write that, or install another version of the operator`;
}

async function tryObject(
  plan: CompiledPlan,
  { resourceId, number, object, unknown }: SampleObject,
  cluster: Cluster,
  lint: ClusterLint,
): Promise<void> {
  const placeOf = (path: Path): CatalogPlace =>
    plan.locate(resourceId, number === undefined ? undefined : at(number, path));
  lint.notes.push(...unknown.map(({ path, text }) => ({ ...placeOf(path), message: notChecked(text) })));
  const what = `${object.kind}${number === undefined ? ` ${object.metadata.name}` : ''}`;
  try {
    const { warnings } = await cluster.apply(object, { dryRun: true });
    lint.accepted += 1;
    const told = warnings.map((text) => ({
      ...placeOf(['kind']),
      message: `the cluster warns of ${what}: ${text}`,
    }));
    lint.notes.push(...told);
  } catch (thrown) {
    if (!(thrown instanceof KubeError) || thrown.passing || thrown.status === 401) throw thrown;
    const refused = refusedPaths(thrown.message);
    if (refused.length > 0 && refused.every(({ path }) => hangsOn(path, unknown))) return;
    if (thrown.status === 403) {
      lint.notes.push({ ...placeOf(['kind']), message: `not checked: ${thrown.message}` });
    } else if (refused.length === 0) {
      lint.problems.push({
        ...placeOf(['kind']),
        message: `the cluster refuses ${what}: ${thrown.message}`,
      });
    }
    for (const { path, message } of refused.filter((each) => !hangsOn(each.path, unknown))) {
      lint.problems.push({ ...placeOf(path), message: `the cluster refuses ${what}: ${message}` });
    }
  }
}

/** Whether a field is refused because something at it, above it or below it was left out. */
function hangsOn(path: Path, unknown: readonly UnknownLeaf[]): boolean {
  return unknown.some((leaf) => leaf.path.slice(0, path.length).every((step, index) => step === path[index]));
}

function at(object: number, path: Path): { object: number; path: Path } {
  return { object, path };
}

function notChecked(text: string): string {
  return `not checked: reads ${text}`;
}

/** What several plans inherit is said once. */
function eachOnce(found: readonly CatalogProblem[]): CatalogProblem[] {
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}
