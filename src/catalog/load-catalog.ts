import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { PlanRevision } from '../domain/offering.ts';
import type { Helm } from '../helm/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { parseYamlSource } from '../lib/yaml-source.ts';
import { catalogDocument } from './catalog-document.ts';
import type { ChartSources } from './fetch-chart.ts';
import { lintOfferings } from './lint-offerings.ts';
import { type LoadContext, type LoadedOffering, loadOffering } from './load-offering.ts';
import type { CatalogKinds } from './offering-file.ts';
import { type Catalog, CatalogInvalid, type CatalogProblem } from './types.ts';

export interface LoadCatalogOptions {
  /** Folder that holds one YAML file per offering. */
  folder: string;
  /** Folder that `chart: charts/postgresql` starts from; without it the folder above `folder`. */
  chartRoot?: string;
  /** With it, charts are rendered as a trial: their schemas, hooks and random output are checked. */
  helm?: Helm;
  /** With it, charts are fetched from where plans say, and signatures checked. */
  sources?: ChartSources;
  overrides?: {
    /**
     * Laid over the `set` of every plan that has the same top-level key, maps merged: what differs from one
     * installation to the next, such as where images come from. A key that no plan has is a problem.
     */
    set?: JsonObject;
  };
  /** What plans may name. */
  kinds: CatalogKinds;
}

/**
 * Reads and compiles a catalog folder.
 * @throws CatalogInvalid with every problem found
 */
export async function loadCatalog(options: LoadCatalogOptions): Promise<Catalog> {
  const folder = path.resolve(options.folder);
  const problems: CatalogProblem[] = [];
  const context: LoadContext = {
    chartRoot: path.resolve(options.chartRoot ?? path.dirname(folder)),
    helm: options.helm,
    sources: options.sources,
    kinds: options.kinds,
    set: options.overrides?.set ?? {},
    problems,
  };
  const loaded: LoadedOffering[] = [];
  for (const name of await listFiles(folder)) {
    const source = parseYamlSource(
      path.join(options.folder, name),
      await readFile(path.join(folder, name), 'utf8'),
      'a ServiceOffering',
    );
    const offering = await loadOffering(source, context);
    if (offering !== undefined) loaded.push(offering);
  }
  problems.push(...lintOfferings(loaded));
  if (problems.length === 0) problems.push(...lintOverrides(loaded, context.set, options.folder));
  if (problems.length > 0) throw new CatalogInvalid(inOrder(problems));
  return freezeCatalog(loaded, new Date());
}

async function listFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => {
    throw new CatalogInvalid([
      { file: folder, line: 1, column: 1, message: 'there is no readable folder here' },
    ]);
  });
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (files.length > 0) return files;
  throw new CatalogInvalid([
    { file: folder, line: 1, column: 1, message: 'the folder holds no offering: no *.yaml' },
  ]);
}

function lintOverrides(loaded: LoadedOffering[], set: JsonObject, folder: string): CatalogProblem[] {
  const known = new Set(
    loaded.flatMap(({ compiledPlans }) => compiledPlans.flatMap(({ revision }) => Object.keys(revision.set))),
  );
  return Object.keys(set)
    .filter((key) => !known.has(key))
    .map((key) => ({
      file: folder,
      line: 1,
      column: 1,
      message: `no plan has \`${key}\` in its \`set\`; overridable: ${[...known].sort().join(', ')}`,
    }));
}

/** By file and line, each once: what several plans inherit is reported by each of them. */
function inOrder(problems: CatalogProblem[]): CatalogProblem[] {
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...unique.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
}

function freezeCatalog(loaded: readonly LoadedOffering[], loadedAt: Date): Catalog {
  const offerings = loaded.map(({ offering }) => offering);
  const compiledPlans = loaded.flatMap((one) => one.compiledPlans);
  const revisions = new Map<string, PlanRevision>(
    compiledPlans.map(({ revision }) => [revision.digest, revision]),
  );
  const findOffering = (serviceId: string) => offerings.find(({ id }) => id === serviceId);
  return Object.freeze({
    offerings,
    compiledPlans,
    document: catalogDocument(offerings, new Map(loaded.flatMap((one) => [...one.pollingSeconds]))),
    loadedAt,
    findOffering,
    findPlan: (serviceId: string, planId: string) => {
      const plan = findOffering(serviceId)?.plans.find(({ id }) => id === planId);
      const revision = plan === undefined ? undefined : revisions.get(plan.revision);
      return plan === undefined || revision === undefined ? undefined : { plan, revision };
    },
  });
}
