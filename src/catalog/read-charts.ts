/** The charts of a plan, from wherever they come, to the packed charts of its revision. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { PulledChart } from '../helm/chart-puller.ts';
import { findCrds, readCrds } from '../helm/find-crds.ts';
import { findTplUse } from '../helm/find-tpl-use.ts';
import { type PackedChart, packChart } from '../helm/pack-chart.ts';
import { inPrivateFolder } from '../helm/private-folder.ts';
import { type Helm, HelmError } from '../helm/types.ts';
import { unpackChart } from '../helm/unpack-chart.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import { digestOf, SourceFault } from './chart-fault.ts';
import { type ChartSources, fetchChart } from './fetch-chart.ts';
import { type HelmDefinition, isFetched, isPacked } from './helm-definition.ts';
import { lintChart } from './lint-chart.ts';
import type { PlanDefinition } from './offering-file.ts';

export interface ChartContext {
  /** Folder that chart paths start from. */
  chartRoot: string;
  helm: Helm | undefined;
  sources: ChartSources | undefined;
}

/** @returns packed charts by resource id, without those that something is wrong with */
export async function readCharts(
  plan: PlanDefinition,
  context: ChartContext,
): Promise<{ charts: Map<string, PackedChart>; complaints: Complaint[] }> {
  const charts = new Map<string, PackedChart>();
  const complaints: Complaint[] = [];
  for (const [index, { id, helm }] of plan.resources.entries()) {
    if (helm === undefined) continue;
    const complain = (key: keyof HelmDefinition, message: string) =>
      complaints.push({ path: ['resources', index, 'helm', key], message });
    try {
      await inChartFolder(helm, context, async (folder, packed) => {
        const chart = await packChart(folder);
        if (helm.version !== undefined && helm.version !== chart.version) {
          complain('version', `what has this digest is version ${chart.version} of ${chart.name}`);
        }
        if (packed !== undefined) await checkProvenance(packed, chart, helm, context);
        charts.set(id, chart);
        for (const [key, message] of await lookThrough(chart, helm)) complain(key, message);
        const fault = context.helm && (await lintChart(context.helm, folder, helm, plan));
        if (fault !== undefined) complain('values', fault);
      });
    } catch (thrown) {
      if (thrown instanceof SourceFault) complain(thrown.key, thrown.message);
      else if (thrown instanceof HelmError) complain('chart', thrown.message);
      else throw thrown;
    }
  }
  return { charts, complaints };
}

/** Calls `work` with a folder that holds the chart unpacked; a temporary one is removed afterwards. */
async function inChartFolder(
  helm: HelmDefinition,
  context: ChartContext,
  work: (folder: string, packed?: PulledChart) => Promise<void>,
): Promise<void> {
  const isFolder = !isFetched(helm) && !isPacked(helm);
  if (isFolder) {
    const folder = below(context, 'chart', helm.chart);
    return withoutPath(folder, helm.chart, () => work(folder));
  }
  const packed = await (isFetched(helm) ? readFetched(helm, context) : readPacked(helm, context));
  await inPrivateFolder((folder) =>
    withoutPath(folder, helm.chart, async () => {
      await unpackChart(packed.archive, folder);
      await work(folder, packed);
    }),
  );
}

function readFetched(helm: HelmDefinition, { sources }: ChartContext): Promise<PulledChart> {
  if (sources === undefined) throw new SourceFault('chart', 'the chart cannot be fetched without helm');
  return fetchChart(helm, sources);
}

async function readPacked(helm: HelmDefinition, context: ChartContext): Promise<PulledChart> {
  const archive = await readBelow(context, 'chart', helm.chart, 'packed chart');
  if (helm.digest !== undefined && helm.digest !== digestOf(archive)) {
    throw new SourceFault(
      'digest',
      `\`digest\` is not that of ${helm.chart}, which has ${digestOf(archive)}`,
    );
  }
  if (helm.provenance === undefined) return { archive };
  const provenance = await readBelow(context, 'provenance', `${helm.chart}.prov`, 'provenance');
  return { archive, provenance: provenance.toString('utf8') };
}

/** A chart whose plan names a keyring must be signed by somebody in it. */
async function checkProvenance(
  { archive, provenance }: PulledChart,
  { name, version }: PackedChart,
  helm: HelmDefinition,
  context: ChartContext,
): Promise<void> {
  if (helm.provenance === undefined) return;
  if (provenance === undefined) {
    throw new SourceFault('provenance', `the chart ${helm.chart} is not signed: there is no .prov beside it`);
  }
  if (context.sources === undefined) {
    throw new SourceFault('provenance', 'the signature cannot be checked without helm');
  }
  await readBelow(context, 'provenance', helm.provenance, 'keyring');
  const keyring = below(context, 'provenance', helm.provenance);
  try {
    await context.sources.puller.verify({ archive, provenance, title: `${name}-${version}`, keyring });
  } catch (thrown) {
    if (!(thrown instanceof HelmError)) throw thrown;
    throw new SourceFault('provenance', `the signature does not fit: ${thrown.message}`);
  }
}

async function readBelow(
  context: ChartContext,
  key: keyof HelmDefinition,
  file: string,
  what: string,
): Promise<Buffer> {
  const full = below(context, key, file);
  try {
    return await readFile(full);
  } catch {
    throw new SourceFault(key, `there is no readable ${what} at ${file}`);
  }
}

function below({ chartRoot }: ChartContext, key: keyof HelmDefinition, file: string): string {
  const root = path.resolve(chartRoot);
  const full = path.resolve(root, file);
  if (full.startsWith(root + path.sep)) return full;
  throw new SourceFault(
    key,
    `\`${key}\` must be a ${key === 'chart' ? 'folder' : 'file'} below the chart root, which is the folder above the catalog's`,
  );
}

/** Problems name a chart as the catalog does. */
async function withoutPath(folder: string, chart: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof HelmError)) throw thrown;
    throw new HelmError(thrown.message.replaceAll(folder, chart));
  }
}

/** What the files of a chart say before anything is rendered. */
async function lookThrough(
  { archive }: PackedChart,
  { freeOfTpl, crds }: HelmDefinition,
): Promise<[keyof HelmDefinition, string][]> {
  const complaints: [keyof HelmDefinition, string][] = [];
  const file = freeOfTpl ? await findTplUse(archive) : undefined;
  if (file !== undefined) {
    complaints.push(['freeOfTpl', `the chart uses \`tpl\` in ${file}, so it is not free of it`]);
  }
  const complaint = crds === 'skip' ? undefined : await explainCrds(archive, crds);
  if (complaint !== undefined) complaints.push(['chart', complaint]);
  return complaints;
}

async function explainCrds(archive: Buffer, crds: 'refuse' | 'apply'): Promise<string | undefined> {
  const { written, templated } = await findCrds(archive);
  if (crds === 'apply') {
    await readCrds(archive);
    if (templated.length === 0) return undefined;
    return `the chart makes CustomResourceDefinitions of templates (${few(templated)}), so what users send could change what the whole cluster shares; \`crds: skip\` leaves them out`;
  }
  const found = [...written, ...templated];
  if (found.length === 0) return undefined;
  return `the chart brings CustomResourceDefinitions, which are shared by the whole cluster (${few(found)}); \`crds: skip\` leaves them out, for an admin to install; \`crds: apply\` makes those of crds/ where they are missing`;
}

function few(files: readonly string[]): string {
  return files.length > 5 ? `${files.slice(0, 5).join(', ')} and ${files.length - 5} more` : files.join(', ');
}
