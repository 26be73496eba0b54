import type { JsonObject, JsonValue } from '../lib/json.ts';
import { MissingValue, type Template, type TemplateScope } from '../template/types.ts';
import type { PlanDefinition } from './offering-file.ts';

/** A scope as of a fresh instance that has no resources yet; what a catalog can be tried with. */
export function sampleScope(plan: PlanDefinition): TemplateScope {
  const defaults = Object.entries(plan.parameters).flatMap(([name, parameter]) =>
    parameter.default === undefined ? [] : [[name, parameter.default] as const],
  );
  return {
    plan: plan.set as JsonObject,
    parameters: Object.fromEntries(defaults),
    generated: Object.fromEntries(
      Object.keys(plan.generate).map((id) => [id, { password: 'sample-password' }]),
    ),
    instance: {
      name: 'i-sample',
      namespace: 'i-sample',
      platform: 'sample',
      contextNamespace: 'sample',
      id: 'sample',
    },
  };
}

/**
 * What a template comes to for the sample.
 * @returns undefined when it reads what only a real instance has
 * @throws TemplateError
 */
export function renderSample(template: Template, plan: PlanDefinition): JsonValue | undefined {
  return renderWith(template, sampleScope(plan));
}

/** The same for a scope of its own. */
export function renderWith(template: Template, scope: TemplateScope): JsonValue | undefined {
  try {
    return template.render(scope);
  } catch (thrown) {
    if (thrown instanceof MissingValue) return undefined;
    throw thrown;
  }
}
