/** What the results of a run come to. */
import type { Report } from '../check-broker.ts';
import type { Level, Result } from '../types.ts';

/** The gravest first. */
export const levels = ['must', 'client', 'should'] as const satisfies readonly Level[];
export const levelNames: Record<Level, string> = {
  must: 'must',
  client: 'client-needed',
  should: 'should',
};

/** From which level on a failure counts. */
export type FailOn = Level;

export function counts(level: Level, failOn: FailOn): boolean {
  return levels.indexOf(level) <= levels.indexOf(failOn);
}

export interface Summary {
  passed: number;
  failed: Record<Level, number>;
  blocked: number;
  notApplicable: number;
}

export function summaryOf(results: readonly Result[]): Summary {
  const having = (...outcomes: Result['outcome'][]) =>
    results.filter(({ outcome }) => outcomes.includes(outcome));
  const failed = having('failed');
  const at = (wanted: Level) => failed.filter(({ level }) => level === wanted).length;
  return {
    passed: having('passed').length,
    failed: { must: at('must'), client: at('client'), should: at('should') },
    blocked: having('blocked').length,
    notApplicable: having('not applicable').length,
  };
}

/** How many results of the levels that count have this outcome. */
export function counted(results: readonly Result[], outcome: Result['outcome'], failOn: FailOn): number {
  return results.filter((result) => result.outcome === outcome && counts(result.level, failOn)).length;
}

const scopes: Record<FailOn, string> = {
  must: 'must level',
  client: 'must and client-needed level',
  should: 'any level',
};

/** The outcome of a run in a line. */
export function verdictOf({ results, interrupted }: Report, failOn: FailOn): string {
  const failures = counted(results, 'failed', failOn);
  const others = results.filter(({ outcome }) => outcome === 'failed').length - failures;
  const blocked = results.filter(({ outcome }) => outcome === 'blocked').length;
  const sentences = [
    `${plural(failures, 'failure')} at ${scopes[failOn]}${others === 0 ? '' : ` (and ${others} below it)`}.`,
  ];
  if (blocked > 0)
    sentences.push(`${plural(blocked, 'check')} could not be tried, so there is no verdict on them.`);
  if (interrupted) sentences.push('The run was interrupted: this report is not complete.');
  return sentences.join(' ');
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
