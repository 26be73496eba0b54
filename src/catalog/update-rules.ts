/** The rules of a plan's own about what an update may change: CEL over what was and what shall be. */
import { ChandlerError } from '../domain/errors.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { canonicalJson, type JsonObject } from '../lib/json.ts';
import { compileTemplate, evaluateCondition } from '../template/compile-template.ts';
import { TemplateError, type TemplateScope } from '../template/types.ts';

/** An instance before or after an update. */
export interface RuledState {
  planName: string;
  /** What the user set, over the defaults. */
  parameters: JsonObject;
}

const known = new Set(['old', 'new', 'oldPlan', 'newPlan']);

/**
 * The message of the first rule that an update breaks. An update that leaves plan and parameters as they are breaks
 * none. A rule that reads what is not there does not hold, as a condition of `readyWhen` does not.
 * @param revision what the instance shall be made by: its rules count
 * @throws ChandlerError `TemplateFailed`
 */
export function brokenUpdateRule(
  revision: Pick<PlanRevision, 'updates' | 'parameterDefaults'>,
  before: RuledState,
  after: RuledState,
): string | undefined {
  if (before.planName === after.planName && same(before.parameters, after.parameters)) return undefined;
  const scope = {
    // What a newer revision brought had its default before: so a rule about it holds for instances that were older.
    old: { ...revision.parameterDefaults, ...before.parameters },
    new: after.parameters,
    oldPlan: before.planName,
    newPlan: after.planName,
  };
  return (revision.updates.rules ?? []).find(({ rule }) => !holds(rule, scope))?.message;
}

function holds(rule: string, scope: TemplateScope): boolean {
  try {
    return evaluateCondition(compileTemplate(rule, { known }), scope);
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    throw new ChandlerError('TemplateFailed', {
      sentence: `A rule of the plan about updates could not be evaluated: ${thrown.message}`,
      cause: thrown,
    });
  }
}

function same(left: JsonObject, right: JsonObject): boolean {
  return canonicalJson(left) === canonicalJson(right);
}
