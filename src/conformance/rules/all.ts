import type { Rule } from '../types.ts';
import { bindingRules } from './bindings.ts';
import { bodyRules } from './bodies.ts';
import { errorRules } from './errors.ts';
import { operationRules } from './operations.ts';

/** Every rule for all answers, in the order of the report. */
export const allRules: readonly Rule[] = [
  ...bodyRules,
  ...errorRules,
  ...operationRules,
  ...bindingRules,
].map(
  (rule): Rule => ({
    ...rule,
    // What is no endpoint of the API, the framework answers.
    concerns: (exchange) => exchange.draft.endpoint !== 'elsewhere' && rule.concerns(exchange),
  }),
);
