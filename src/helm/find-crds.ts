/** Whether a chart brings CustomResourceDefinitions: those are everybody's on a cluster, not an instance's. */
import type { JsonObject } from '../lib/json.ts';
import { everyFile } from './read-archive.ts';

/**
 * Looks through a packed chart and its subcharts: `crds/` folders (helm.sh/docs, "Custom Resource Definitions"), and
 * templates that write the kind out. A template that puts the kind together is left to the policy.
 * @returns the files, as they are called within the chart
 * @throws HelmError for an archive that is none, too deep or too large
 */
export async function findCrds(archive: Buffer): Promise<string[]> {
  const found: string[] = [];
  for await (const [file, content] of everyFile(archive)) {
    const isCrd = inCrds.test(file) || (inTemplates.test(file) && names(content.toString('utf8')));
    if (isCrd) found.push(file);
  }
  return found;
}

/** Below the root of the chart or of a subchart in it. */
const inCrds = /(^|: )[^/]+\/(charts\/[^/]+\/)*crds\/.*\.(ya?ml|json)$/;
const inTemplates = /(^|: )[^/]+\/(charts\/[^/]+\/)*templates\//;

function names(template: string): boolean {
  return /^[\s{,"'-]*kind["']?\s*:\s*["']?CustomResourceDefinition\b/m.test(template);
}

/** What a chart renders, for a plan that may leave the definitions to an admin. */
export function withoutCrds(skips: boolean, objects: JsonObject[]): JsonObject[] {
  return skips ? objects.filter(({ kind }) => kind !== 'CustomResourceDefinition') : objects;
}
