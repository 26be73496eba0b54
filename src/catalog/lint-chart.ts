import { isDeepStrictEqual } from 'node:util';
import { withoutCrds } from '../helm/find-crds.ts';
import { isHook } from '../helm/releases.ts';
import { type Helm, HelmError } from '../helm/types.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { MissingValue, TemplateError } from '../template/types.ts';
import type { HelmDefinition } from './helm-definition.ts';
import { brokenPolicy, renderForSample, sampleName } from './lint-policy.ts';
import type { PlanDefinition } from './offering-file.ts';

const sampleCluster = { kubeVersion: 'v1.34.0', apiVersions: [] };

/**
 * Renders the chart of one resource twice with the plan's own values and says what a cluster would refuse later:
 * values against the chart's schema, hooks, output that changes from one rendering to the next, what the plan's
 * policy forbids.
 * @returns undefined when all is well, or when the values read what only a real instance has
 */
export async function lintChart(
  helm: Helm,
  chartPath: string,
  { values: given, mode, crds }: HelmDefinition,
  plan: PlanDefinition,
): Promise<string | undefined> {
  try {
    const rendered = renderForSample(given as JsonObject, plan);
    if (rendered === undefined) return undefined;
    const request = {
      ...sampleCluster,
      chartPath,
      releaseName: sampleName,
      namespace: sampleName,
      values: rendered,
    };
    const render = async () => withoutCrds(crds === 'skip', await helm.render(request));
    const [first, second] = await Promise.all([render(), render()]);
    const hook = mode === 'render' ? first.find(isHook) : undefined;
    if (hook !== undefined) {
      return `the chart has a hook (${hookName(hook)}), which mode render cannot run; mode release can`;
    }
    if (!isDeepStrictEqual(first, second)) {
      return 'two renderings of the chart differ: it uses random or time functions, so every apply would change it';
    }
    return brokenPolicy(first, plan, 'listed');
  } catch (thrown) {
    if (thrown instanceof MissingValue) return undefined;
    if (thrown instanceof HelmError || thrown instanceof TemplateError) return thrown.message;
    throw thrown;
  }
}

function hookName({ kind, metadata }: JsonObject): string {
  const { name } = isJsonObject(metadata) ? metadata : {};
  return [kind, name]
    .filter((word) => typeof word === 'string')
    .join(' ')
    .slice(0, 120);
}
