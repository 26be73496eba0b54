/** The charts of a plan, from wherever they come, to the packed charts of its revision. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCrds } from '../helm/find-crds.ts';
import { findTplUse } from '../helm/find-tpl-use.ts';
import { type PackedChart, packChart } from '../helm/pack-chart.ts';
import { type Helm, HelmError } from '../helm/types.ts';
import { unpackChart } from '../helm/unpack-chart.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import { type HelmDefinition, isPacked } from './helm-definition.ts';
import { lintChart } from './lint-chart.ts';
import type { PlanDefinition } from './offering-file.ts';

export interface ChartContext {
  /** Folder that chart paths start from. */
  chartRoot: string;
  helm: Helm | undefined;
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
      await inChartFolder(helm, context, async (folder) => {
        const chart = await packChart(folder);
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

/** What is wrong with where a chart comes from, and the key that says it. */
class SourceFault extends Error {
  readonly key: keyof HelmDefinition;
  constructor(key: keyof HelmDefinition, message: string) {
    super(message);
    this.key = key;
  }
}

/** Calls `work` with a folder that holds the chart unpacked; a temporary one is removed afterwards. */
async function inChartFolder(
  helm: HelmDefinition,
  context: ChartContext,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  if (!isPacked(helm)) {
    const folder = below(context, 'chart', helm.chart);
    return withoutPath(folder, helm.chart, () => work(folder));
  }
  const archive = await readPacked(helm, context);
  const folder = await mkdtemp(path.join(tmpdir(), 'chandler-chart-'));
  try {
    await withoutPath(folder, helm.chart, async () => {
      await unpackChart(archive, folder);
      await work(folder);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readPacked(helm: HelmDefinition, context: ChartContext): Promise<Buffer> {
  const archive = await readBelow(context, 'chart', helm.chart, 'packed chart');
  if (helm.digest !== undefined && helm.digest !== digestOf(archive)) {
    throw new SourceFault(
      'digest',
      `\`digest\` is not that of ${helm.chart}, which has ${digestOf(archive)}`,
    );
  }
  return archive;
}

function digestOf(archive: Buffer): string {
  return `sha256:${createHash('sha256').update(archive).digest('hex')}`;
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
    `\`${key}\` must be a ${key === 'chart' ? 'folder' : 'file'} below the chart root`,
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
  const found = crds === 'refuse' ? await findCrds(archive) : [];
  if (found.length > 0) {
    const list =
      found.length > 5 ? `${found.slice(0, 5).join(', ')} and ${found.length - 5} more` : found.join(', ');
    complaints.push([
      'chart',
      `the chart brings CustomResourceDefinitions, which are shared by the whole cluster (${list}); \`crds: skip\` leaves them out, for an admin to install`,
    ]);
  }
  return complaints;
}
