// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** How a plan says that instances may change: that plans are there, and that rules are conditions that can hold. */
import type { Complaint } from '../lib/explain-issues.ts';
import type { JsonValue } from '../lib/json.ts';
import { hint } from '../lib/nearest.ts';
import type { CompiledTemplate } from '../template/compile-template.ts';
import { TemplateError } from '../template/types.ts';
import { checkTemplate, readableByUpdateRules } from './check-templates.ts';
import type { PlanDefinition } from './offering-file.ts';
import { renderWith, sampleScope } from './sample-scope.ts';

/** @param planNames of the offering */
export function checkUpdates(plan: PlanDefinition, planNames: readonly string[]): Complaint[] {
  const { plan: ways, rules } = plan.updates;
  const unknown = (Array.isArray(ways) ? ways : []).flatMap((name, index) =>
    planNames.includes(name)
      ? []
      : [
          {
            path: ['updates', 'plan', index],
            message: `there is no plan \`${name}\`; ${hint(name, planNames)}`,
          },
        ],
  );
  return [
    ...unknown,
    ...rules.flatMap(({ rule }, index) => checkRule(plan, rule, ['updates', 'rules', index, 'rule'])),
  ];
}

function checkRule(plan: PlanDefinition, rule: string, path: Complaint['path']): Complaint[] {
  const { template, complaints } = checkTemplate(
    rule,
    path as (string | number)[],
    plan,
    readableByUpdateRules(plan),
  );
  if (template === undefined || complaints.length > 0) return complaints;
  if (!template.isExpression) return [{ path, message: 'a rule must be one ${...} expression' }];
  try {
    return saysOfNoChange(template, plan).map((message) => ({ path, message }));
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return [{ path, message: thrown.message }];
  }
}

/** A rule is about what changes; one that fails where nothing does would stop every update. */
function saysOfNoChange(template: CompiledTemplate, plan: PlanDefinition): string[] {
  const { parameters } = sampleScope(plan) as { parameters: JsonValue };
  const result = renderWith(template, {
    old: parameters,
    new: parameters,
    oldPlan: plan.name,
    newPlan: plan.name,
  });
  if (result === undefined || result === true) return [];
  return [
    result === false
      ? 'this does not hold when nothing changes (`old` and `new` are the defaults)'
      : 'a rule must give true or false',
  ];
}
