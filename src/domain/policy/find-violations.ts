/** The policy that stands between rendering and applying, and between a catalog file and its catalog (ADR 0019). */
import type { JsonObject } from '../../lib/json.ts';
import { imageRule } from './image-rules.ts';
import { podRule } from './pod-rules.ts';
import { rbacRule } from './rbac-rules.ts';
import { told, valueAt } from './read-object.ts';
import { metadataRule, scopeRule } from './scope-rules.ts';
import { serviceRule } from './service-rules.ts';
import type { PolicyQuestion, Rule } from './types.ts';

const rules: readonly Rule[] = [scopeRule, metadataRule, podRule, serviceRule, rbacRule, imageRule];

/** Most violations that are told; the rest is counted. */
const mostTold = 6;

/**
 * Pure: everything that the objects have and may not have, in one sentence that says how to allow it.
 * @returns undefined when there is nothing
 */
export function findViolations(objects: readonly JsonObject[], question: PolicyQuestion): string | undefined {
  const found = new Set<string>();
  for (const object of objects) {
    const what = `${told(object.kind)} ${told(valueAt(object, 'metadata', 'name'))}`;
    for (const { says, unless } of rules.flatMap((rule) => rule(object, question))) {
      found.add(`${what} ${says}${unless === undefined ? '' : ` (allowed by ${unless})`}`);
    }
  }
  if (found.size === 0) return undefined;
  const first = [...found].slice(0, mostTold).join('; ');
  const more = found.size > mostTold ? `; and ${found.size - mostTold} more` : '';
  return `The policy of the plan forbids: ${first}${more}.`;
}
