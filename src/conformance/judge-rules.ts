import type { Result, Rule } from './types.ts';
import type { Answered } from './wire/exchange.ts';

/** How many exchanges that break a rule are shown. */
const mostShown = 3;

/** Holds every answer of a run against the rules for all answers. */
export function judgeRules(rules: readonly Rule[], answered: readonly Answered[]): Result[] {
  return rules.map(({ id, items, level, group, title, concerns, complaint }) => {
    const concerned = answered.filter(concerns);
    const broken = concerned.flatMap((exchange) => {
      const text = complaint(exchange);
      return text === undefined ? [] : [{ exchange, text }];
    });
    const [first] = broken;
    return {
      ...{ id, items, level, group, title },
      plan: undefined,
      ...(first === undefined
        ? concerned.length === 0
          ? { outcome: 'not applicable' as const, message: 'no answer of this kind was seen' }
          : { outcome: 'passed' as const, message: undefined }
        : {
            outcome: 'failed' as const,
            message: `${first.text} (${broken.length} of ${concerned.length} answers)`,
          }),
      // The message is about the first one, and reports show the last.
      exchanges: broken
        .slice(0, mostShown)
        .reverse()
        .map(({ exchange }) => exchange),
      milliseconds: 0,
    };
  });
}
