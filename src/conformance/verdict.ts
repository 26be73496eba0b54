/** How a check ends early. What a broker does wrong is a failure; the rest says why there is no verdict. */
import { fieldOf, isRefusal } from './answers.ts';
import type { Answer, Answered, Exchange } from './wire/exchange.ts';

/** The broker broke the rule. */
export class Failure extends Error {
  override name = 'Failure';
  /** The answer that breaks it, where that need not be the last one. */
  readonly answer: Answer | undefined;

  constructor(message: string, answer?: Answer) {
    super(message);
    this.answer = answer;
  }
}

/** The broker did not get as far as the rule; another check says what is wrong. */
export class Blocked extends Error {
  override name = 'Blocked';
}

/** An operation takes longer than the checker waits. */
export class StillRunning extends Blocked {}

/** The rule does not concern this plan, or cannot be tried from outside. */
export class NotApplicable extends Error {
  override name = 'NotApplicable';
}

/** What a broker may say to a provision or bind that it accepts. */
export const accepted: readonly number[] = [200, 201, 202];

/** The same of an update, deprovision or unbind. */
export const done: readonly number[] = [200, 202];

/** 404 is not what a DELETE should answer, but it says that nothing is there; that it is 410 is `deprovision-again`. */
export const gone: readonly number[] = [410, 404];

/** @throws Failure unless the status is one of these */
export function expectStatus({ answer }: Answered, allowed: readonly number[], why = ''): void {
  if (allowed.includes(answer.status)) return;
  throw new Failure(
    `expected ${allowed.join(' or ')}, got ${answer.status}${why === '' ? '' : `: ${why}`}`,
    answer,
  );
}

/** @throws Failure unless it is some 4xx */
export function expectRefusal({ answer, draft }: Answered): void {
  if (isRefusal({ answer })) return;
  throw new Failure(
    `expected a refusal (400), got ${answer.status} to ${draft.method} (${draft.endpoint})`,
    answer,
  );
}

/** @throws Failure unless it is 422 with this error code (spec, "Error Codes") */
export function expectErrorCode({ answer }: Answered, code: string): void {
  const error = fieldOf({ answer }, 'error');
  if (answer.status === 422 && error === code) return;
  const got = answer.status === 422 ? `422 with ${JSON.stringify(error) ?? 'no error code'}` : answer.status;
  throw new Failure(`expected 422 with "error": "${code}", got ${got}`, answer);
}

/** @throws Failure unless the condition holds */
export function expectThat(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Failure(otherwise);
}

/** @returns the exchanges of a check, the one that decided last, as reports show it */
export function decisiveLast(
  exchanges: readonly Exchange[],
  answer: Answer | undefined,
): readonly Exchange[] {
  const decisive = exchanges.find((exchange) => answer !== undefined && exchange.answer === answer);
  return decisive === undefined ? exchanges : [...exchanges.filter((one) => one !== decisive), decisive];
}

/** @throws NotApplicable unless the condition holds */
export function assume(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new NotApplicable(otherwise);
}
