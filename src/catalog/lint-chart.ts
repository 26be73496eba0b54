import { isDeepStrictEqual } from 'node:util';
import { findViolations } from '../domain/policy/find-violations.ts';
import { clusterScopedKinds } from '../domain/policy/kinds.ts';
import type { PlanPolicy } from '../domain/policy/types.ts';
import { type Helm, HelmError } from '../helm/types.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { compileTemplate } from '../template/compile-template.ts';
import { MissingValue, TemplateError } from '../template/types.ts';
import type { PlanDefinition } from './offering-file.ts';
import { sampleScope } from './sample-scope.ts';

const sampleName = 'i-sample';
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
  values: JsonObject,
  plan: PlanDefinition,
): Promise<string | undefined> {
  const ids = plan.resources.map(({ id }) => id);
  const known = new Set(['plan', 'parameters', 'generated', 'instance', ...ids]);
  const scope = {
    ...sampleScope(plan),
    ...Object.fromEntries(ids.map((id) => [id, { name: `i-sample-${id}` }])),
  };
  try {
    const rendered = compileTemplate(values, { known }).render(scope);
    if (!isJsonObject(rendered)) return undefined;
    const request = {
      ...sampleCluster,
      chartPath,
      releaseName: sampleName,
      namespace: sampleName,
      values: rendered,
    };
    const [first, second] = await Promise.all([helm.render(request), helm.render(request)]);
    const hook = first.find((object) => annotationsOf(object)['helm.sh/hook'] !== undefined);
    if (hook !== undefined)
      return `the chart has a hook (${JSON.stringify(hook.kind)}); mode render cannot run it`;
    if (!isDeepStrictEqual(first, second)) {
      return 'two renderings of the chart differ: it uses random or time functions, so every apply would change it';
    }
    return brokenPolicy(first, plan);
  } catch (thrown) {
    if (thrown instanceof MissingValue) return undefined;
    if (thrown instanceof HelmError || thrown instanceof TemplateError) return thrown.message;
    throw thrown;
  }
}

/** Which kinds are cluster-scoped only a cluster knows: here those count that every Kubernetes has. */
function brokenPolicy(objects: readonly JsonObject[], { policy }: PlanDefinition): string | undefined {
  return findViolations(objects, {
    policy: (policy ?? {}) as PlanPolicy,
    instance: { name: sampleName, namespace: sampleName },
    // Of these the plan's mode decides, which was asked before.
    hooks: 'checked',
    kinds: 'listed',
    isNamespaced: (kind) => (clusterScopedKinds.includes(kind) ? false : undefined),
  });
}

function annotationsOf(object: JsonObject): JsonObject {
  const { metadata } = object;
  const annotations = isJsonObject(metadata) ? metadata.annotations : undefined;
  return isJsonObject(annotations) ? annotations : {};
}
