/** Whether a chart brings CustomResourceDefinitions: those are everybody's on a cluster, not an instance's. */
import { z } from 'zod';
import type { JsonObject } from '../lib/json.ts';
import { parseManifests } from './parse-manifests.ts';
import { everyFile } from './read-archive.ts';
import { HelmError } from './types.ts';

/**
 * Looks through a packed chart and its subcharts: `crds/` folders (helm.sh/docs, "Custom Resource Definitions"), and
 * templates that write the kind out. A template that puts the kind together is left to the policy.
 * @returns the files, as they are called within the chart: those of the folders, and the templates
 * @throws HelmError for an archive that is none, too deep or too large
 */
export async function findCrds(archive: Buffer): Promise<{ written: string[]; templated: string[] }> {
  const written: string[] = [];
  const templated: string[] = [];
  for await (const [file, content] of everyFile(archive)) {
    if (inCrds.test(file)) written.push(file);
    else if (inTemplates.test(file) && names(content.toString('utf8'))) templated.push(file);
  }
  return { written, templated };
}

/** What we read of a definition; the API server judges the rest. */
const definition = z.looseObject({
  apiVersion: z.literal('apiextensions.k8s.io/v1'),
  kind: z.literal('CustomResourceDefinition'),
  metadata: z.looseObject({ name: z.string().min(1) }),
  spec: z.looseObject({
    group: z.string().min(1),
    names: z.looseObject({ kind: z.string().min(1) }),
    versions: z.array(z.looseObject({ name: z.string().min(1), served: z.boolean() })).min(1),
  }),
});
export type CustomResourceDefinition = z.output<typeof definition>;

/**
 * The CustomResourceDefinitions of the `crds/` folders. Helm takes them as they are: nothing in them is a template.
 * @throws HelmError for a file there that holds anything else
 */
export async function readCrds(archive: Buffer): Promise<CustomResourceDefinition[]> {
  const found: CustomResourceDefinition[] = [];
  for await (const [file, content] of everyFile(archive)) {
    if (!inCrds.test(file)) continue;
    for (const object of parseManifests(content.toString('utf8'))) {
      const parsed = definition.safeParse(object);
      if (parsed.success) found.push(parsed.data);
      else
        throw new HelmError(
          `${file} holds something else than CustomResourceDefinitions (apiextensions.k8s.io/v1)`,
        );
    }
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
