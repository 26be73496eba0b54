/** The policy of a plan against what its resources come to for a sample instance. */
import { findViolations } from '../domain/policy/find-violations.ts';
import { clusterScopedKinds } from '../domain/policy/kinds.ts';
import type { PlanPolicy, PolicyQuestion } from '../domain/policy/types.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { compileTemplate } from '../template/compile-template.ts';
import { MissingValue, TemplateError } from '../template/types.ts';
import type { PlanDefinition } from './offering-file.ts';
import { sampleScope } from './sample-scope.ts';

/** Name and namespace of the sample instance. */
export const sampleName = 'i-sample';

/**
 * Which kinds are cluster-scoped only a cluster knows: here those count that every Kubernetes has.
 * @returns what is forbidden, in one sentence
 */
export function brokenPolicy(
  objects: readonly JsonObject[],
  { policy }: PlanDefinition,
  kinds: PolicyQuestion['kinds'],
): string | undefined {
  return findViolations(objects, {
    policy: (policy ?? {}) as PlanPolicy,
    instance: { name: sampleName, namespace: sampleName },
    // Of these the mode of the resource decides, which lint asks by itself.
    hooks: 'checked',
    kinds,
    isNamespaced: (kind) => (clusterScopedKinds.includes(kind) ? false : undefined),
  });
}

/**
 * Values of resources as the sample instance has them: of what is in a cluster only the names.
 * @throws MissingValue, TemplateError
 */
export function renderForSample(values: JsonObject, plan: PlanDefinition): JsonObject | undefined {
  const ids = plan.resources.map(({ id }) => id);
  const known = new Set(['plan', 'parameters', 'generated', 'instance', ...ids]);
  const names = Object.fromEntries(ids.map((id) => [id, { name: `${sampleName}-${id}` }]));
  const rendered = compileTemplate(values, { known }).render({ ...sampleScope(plan), ...names });
  return isJsonObject(rendered) ? rendered : undefined;
}

/** Objects that read what only a real instance has are left to the worker; faults of expressions are told elsewhere. */
export function lintManifests(plan: PlanDefinition): Complaint[] {
  return plan.resources.flatMap(({ id, manifests }, index) =>
    (manifests?.objects ?? []).flatMap((object, number) => {
      const place = manifests?.isOne === true ? ['manifest'] : ['manifests', number];
      const rendered = renderedOrNot(object, plan);
      const { metadata } = rendered ?? {};
      const named = { name: `${sampleName}-${id}`, ...(isJsonObject(metadata) ? metadata : {}) };
      const message = rendered && brokenPolicy([{ ...rendered, metadata: named }], plan, 'written');
      return message === undefined ? [] : [{ path: ['resources', index, ...place, 'kind'], message }];
    }),
  );
}

function renderedOrNot(object: JsonObject, plan: PlanDefinition): JsonObject | undefined {
  try {
    return renderForSample(object, plan);
  } catch (thrown) {
    if (thrown instanceof MissingValue || thrown instanceof TemplateError) return undefined;
    throw thrown;
  }
}
