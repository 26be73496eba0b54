/** `chandler catalog lint`: everything that loading a catalog checks, before anything reaches a cluster; then, if asked to, a cluster. */
import { type ChartSources, downloadsInMemory } from '../catalog/fetch-chart.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { CatalogInvalid, type CatalogProblem, type CompiledPlan } from '../catalog/types.ts';
import type { PlanRevision, ServiceOffering, ServicePlan, SyncSpec } from '../domain/offering.ts';
import { createChartPuller } from '../helm/chart-puller.ts';
import { createHelm } from '../helm/create-helm.ts';
import { findHelm } from '../helm/find-helm.ts';
import { type Helm, HelmError } from '../helm/types.ts';
import type { Cluster } from '../kube/types.ts';
import { type ClusterLint, lintCluster } from '../tools/cluster-lint/lint-cluster.ts';
import { offeredKinds } from './offered-kinds.ts';

export interface LintReport {
  fine: boolean;
  lines: string[];
}

/** Where to try what a catalog makes. */
export interface LintTarget {
  cluster: Cluster;
  namespace: string;
}

/**
 * Loads a catalog and tells what is wrong with it, or what is in it.
 * @param folder as the user gave it: problems name files by it
 * @param environment where to look for helm; without one, charts are not rendered and the report says so
 * @param target asked when the catalog itself is fine
 * @throws KubeError when the cluster does not answer, or does not have the namespace
 */
export async function lintCatalog(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
  target?: LintTarget,
): Promise<LintReport> {
  const { helm, sources, note } = await helmOf(environment);
  try {
    const { offerings, compiledPlans } = await loadCatalog({
      folder,
      kinds: offeredKinds,
      ...(helm === undefined ? {} : { helm }),
      ...(sources === undefined ? {} : { sources }),
    });
    const lines = [...note, ...offerings.map((offering) => describeOffering(offering, compiledPlans))];
    if (target === undefined) return { fine: true, lines };
    return withCluster(lines, await lintCluster(compiledPlans, { ...target, helm }), target);
  } catch (thrown) {
    if (!(thrown instanceof CatalogInvalid)) throw thrown;
    return { fine: false, lines: [...thrown.problems.map(describeProblem), ...note, count(thrown.problems)] };
  }
}

function withCluster(
  lines: readonly string[],
  { problems, notes, accepted }: ClusterLint,
  { namespace }: LintTarget,
): LintReport {
  const tried = `the cluster accepts ${plural(accepted, 'object')}, tried in namespace ${namespace}; nothing was made`;
  const found = [...problems, ...notes].map(describeProblem);
  const end = problems.length === 0 ? [tried] : [tried, count(problems)];
  return { fine: problems.length === 0, lines: [...lines, ...found, ...end] };
}

async function helmOf({
  CHANDLER_HELM: given,
  PATH: searchPath,
  CHANDLER_HELM_REGISTRY_CONFIG: registryConfig = '',
  CHANDLER_HELM_CA_FILE: caFile = '',
}: Readonly<Record<string, string | undefined>>): Promise<{
  helm?: Helm;
  sources?: ChartSources;
  note: string[];
}> {
  try {
    const helmPath = await findHelm(given, searchPath);
    const puller = createChartPuller({
      helmPath,
      registryConfig: registryConfig === '' ? undefined : registryConfig,
      caFile: caFile === '' ? undefined : caFile,
    });
    return { helm: createHelm({ helmPath }), sources: { puller, downloads: downloadsInMemory() }, note: [] };
  } catch (thrown) {
    if (!(thrown instanceof HelmError)) throw thrown;
    return { note: [`charts were not rendered: ${thrown.message}`] };
  }
}

function describeProblem({ file, line, column, message }: CatalogProblem): string {
  return `${file}:${line}:${column}: ${message}`;
}

function count(problems: readonly CatalogProblem[]): string {
  const files = new Set(problems.map(({ file }) => file)).size;
  return `${plural(problems.length, 'problem')} in ${plural(files, 'file')}`;
}

function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

/** `postgresql: small, standard (bind, unbind sync; provision, update, deprovision async; plan updateable)` */
function describeOffering(offering: ServiceOffering, compiledPlans: readonly CompiledPlan[]): string {
  const groups = new Map<string, string[]>();
  for (const plan of offering.plans) {
    const compiled = compiledPlans.find(({ revision }) => revision.digest === plan.revision);
    if (compiled === undefined) continue;
    const traits = describePlan(plan, compiled.revision);
    groups.set(traits, [...(groups.get(traits) ?? []), plan.name]);
  }
  const plans = [...groups].map(([traits, names]) => `${names.join(', ')} (${traits})`);
  return `${offering.name}: ${plans.join('; ')}`;
}

const verbs: (keyof SyncSpec)[] = ['provision', 'update', 'deprovision', 'bind', 'unbind'];
const bindingVerbs: (keyof SyncSpec)[] = ['bind', 'unbind'];

function describePlan(plan: ServicePlan, { sync }: PlanRevision): string {
  const supported = verbs.filter((verb) => plan.bindable || !bindingVerbs.includes(verb));
  const quick = supported.filter((verb) => sync[verb]);
  const slow = supported.filter((verb) => !sync[verb]);
  return [
    ...(quick.length === 0 ? [] : [`${quick.join(', ')} sync`]),
    ...(slow.length === 0 ? [] : [`${slow.join(', ')} async`]),
    ...(plan.bindable ? [] : ['not bindable']),
    ...(plan.planUpdateable ? ['plan updateable'] : []),
  ].join('; ');
}
