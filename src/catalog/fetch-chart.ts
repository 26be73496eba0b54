/** Charts that lie elsewhere: fetched while the catalog loads, once, and known by their digest from then on. */
import type { ChartPuller, PulledChart } from '../helm/chart-puller.ts';
import { HelmError } from '../helm/types.ts';
import { digestOf, SourceFault } from './chart-fault.ts';
import type { HelmDefinition } from './helm-definition.ts';

/** What was fetched before, by the sha256 of the packed chart. */
export interface ChartDownloads {
  find(digest: string): Promise<PulledChart | undefined>;
  keep(digest: string, chart: PulledChart): Promise<void>;
}

/** How to get charts from elsewhere. */
export interface ChartSources {
  puller: ChartPuller;
  downloads: ChartDownloads;
}

/** For a process that keeps nothing. */
export function downloadsInMemory(): ChartDownloads {
  const known = new Map<string, PulledChart>();
  return {
    find: (digest) => Promise.resolve(known.get(digest)),
    keep(digest, chart) {
      known.set(digest, chart);
      return Promise.resolve();
    },
  };
}

/**
 * @param helm a checked definition that names a version and a digest
 * @throws SourceFault, in helm's words when it cannot be fetched
 */
export async function fetchChart(
  { chart, repository, version = '', digest = '', provenance }: HelmDefinition,
  { puller, downloads }: ChartSources,
): Promise<PulledChart> {
  const known = await downloads.find(digest);
  const isEnough = known !== undefined && (provenance === undefined || known.provenance !== undefined);
  // What is kept may have been changed by whoever reaches the database.
  if (isEnough && digestOf(known.archive) === digest) return known;
  const pulled = await puller
    .pull({
      chart,
      ...(repository === undefined ? {} : { repository }),
      version,
      withProvenance: provenance !== undefined,
    })
    .catch((thrown: unknown) => {
      if (!(thrown instanceof HelmError)) throw thrown;
      throw new SourceFault('chart', `${chart} ${version} could not be fetched: ${thrown.message}`);
    });
  const came = digestOf(pulled.archive);
  if (came !== digest) {
    throw new SourceFault(
      'digest',
      `\`digest\` is not that of ${chart} ${version}: what came has ${came}. Either the plan is wrong, or the chart was changed after it was published`,
    );
  }
  await downloads.keep(digest, pulled);
  return pulled;
}
