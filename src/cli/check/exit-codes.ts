import type { Report } from '../../conformance/check-broker.ts';
import { counted, type FailOn } from '../../conformance/report/judgement.ts';

export const exitCodes = {
  fine: 0,
  failures: 1,
  /** Also: not all that counts could be tried, so nothing is proven. */
  cannotCheck: 2,
  leftovers: 3,
  interrupted: 130,
} as const;

export function exitCodeOf({ results, leftovers, interrupted }: Report, failOn: FailOn): number {
  if (interrupted) return exitCodes.interrupted;
  if (counted(results, 'failed', failOn) > 0) return exitCodes.failures;
  if (counted(results, 'blocked', failOn) > 0) return exitCodes.cannotCheck;
  return leftovers.length > 0 ? exitCodes.leftovers : exitCodes.fine;
}
