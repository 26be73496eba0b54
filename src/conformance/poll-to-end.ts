/** Waits for the end of what a request began, as a platform does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, fieldOf } from './answers.ts';
import { isObject, isText, type JsonValue } from './json.ts';
import type { Binding, Instance } from './subject.ts';
import { Blocked, StillRunning } from './verdict.ts';
import type { Answer, Answered, Draft, Verb } from './wire/exchange.ts';

/** How an operation ended. */
export interface Settled {
  state: 'succeeded' | 'failed';
  description: string | undefined;
}

/** What polls told of operations that are over, by the answer that began them: a broker may tell it only once. */
export type Ends = WeakMap<Answer, Settled>;

interface Polling {
  send(draft: Draft): Promise<Answered>;
  ends: Ends;
  operationMs: number;
  pollMs: number;
  signal: AbortSignal;
}

const done: Settled = { state: 'succeeded', description: undefined };

/** @throws Blocked when the request was refused, polling does not work, or it takes too long */
export async function pollToEnd(
  of: Instance | Binding,
  verb: Verb,
  { answer, draft }: Answered,
  { send, ends, operationMs, pollMs, signal }: Polling,
): Promise<Settled> {
  const { status } = answer;
  if (status === 200 || status === 201) return done;
  const gone = draft.method === 'DELETE';
  if (status === 410 && gone) return done;
  if (status !== 202) throw refusal({ answer, draft });
  const told = ends.get(answer);
  if (told !== undefined) return told;

  const operation = operationOf(answer.json);
  const deadline = Date.now() + operationMs;
  for (;;) {
    const poll = await send(of.poll(verb, operation));
    if (poll.answer.status === 410 && gone) return done;
    if (poll.answer.status !== 200)
      throw new Blocked(
        `the poll for the ${verb} (last_operation) is answered ${poll.answer.status}, not 200`,
      );
    const settled = endToldBy(poll);
    if (settled !== undefined) {
      ends.set(answer, settled);
      return settled;
    }
    const state = fieldOf(poll, 'state');
    if (state !== 'in progress') {
      const said = state === undefined ? 'has no "state"' : `says "state": ${JSON.stringify(state)}`;
      throw new Blocked(
        `the poll for the ${verb} (last_operation) ${said}; it must be "in progress", "succeeded" or "failed"`,
      );
    }
    if (Date.now() > deadline)
      throw new StillRunning(`the ${verb} is still in progress after ${operationMs / 1000} s (--timeout)`);
    await sleep(pauseAfter(poll, pollMs), undefined, { signal });
  }
}

/** @returns how the operation ended, when the poll says so */
export function endToldBy(poll: Pick<Answered, 'answer'>): Settled | undefined {
  const { state, description } = bodyOf(poll);
  if (state !== 'succeeded' && state !== 'failed') return undefined;
  return { state, description: isText(description) ? description : undefined };
}

/** @returns the operation token of a 202, if it has one */
export function operationOf(json: JsonValue | undefined): string | undefined {
  const operation = isObject(json) ? json.operation : undefined;
  return isText(operation) ? operation : undefined;
}

export function refusal({ answer, draft }: Pick<Answered, 'answer' | 'draft'>): Blocked {
  return new Blocked(`${draft.method} (${draft.endpoint}) was answered ${answer.status}`);
}

/** @returns milliseconds; what Retry-After asks for counts up to ten polls */
function pauseAfter({ answer }: Answered, pollMs: number): number {
  const seconds = Number(answer.headers['retry-after']);
  return Number.isFinite(seconds) ? Math.max(pollMs, Math.min(seconds * 1000, pollMs * 10)) : pollMs;
}
