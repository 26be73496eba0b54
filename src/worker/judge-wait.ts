/** Whether what is waited for may still come. */
import { type Diagnosis, defaultTroubleSeconds, isSameTrouble } from '../domain/diagnosis.ts';
import { diagnose, type Finding } from '../provisioners/diagnose.ts';
import { lookCloser } from '../provisioners/look-closer.ts';
import type { OperationClaim } from '../store/types.ts';
import type { InstanceView } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/** What a tick knows when it finds that it has to wait. */
export interface WaitCase {
  found?: Finding;
  /** What the tick before it found, and for how long that has been so. */
  known?: Diagnosis;
  troubledMs: number;
  /** Whether this tick looked closer than at what is watched. */
  looked: boolean;
}

export type Judgement =
  | { kind: 'give up'; diagnosis: Diagnosis }
  /** `recheckMs`: when to judge anew although nothing may have changed. */
  | { kind: 'wait'; diagnosis?: Diagnosis; recheckMs: number };

/**
 * Decide: pure and total. A trouble that stays the same until the limit ends the operation; another one, or none, starts
 * the time anew. Nothing is given up on what was seen a while ago: it takes a closer look.
 */
export function judge({ found, known, troubledMs, looked }: WaitCase, limitMs: number): Judgement {
  const diagnosis = looked ? found?.diagnosis : withLastLook(found?.diagnosis, known);
  if (diagnosis === undefined) return { kind: 'wait', recheckMs: lookEveryMs(limitMs) };
  const leftMs = isSameTrouble(diagnosis, known) ? limitMs - troubledMs : limitMs;
  if (leftMs <= 0 && looked && found?.isRetrying === false) return { kind: 'give up', diagnosis };
  return { kind: 'wait', diagnosis, recheckMs: leftMs > 0 ? leftMs : lookEveryMs(limitMs) };
}

/** What a closer look showed is not over because nobody looked since: what only it shows, and the warnings that it found. */
function withLastLook(found: Diagnosis | undefined, known: Diagnosis | undefined): Diagnosis | undefined {
  if (known?.fromLook) return known;
  if (found === undefined || known?.events === undefined || !isSameTrouble(found, known)) return found;
  return { ...found, events: known.events };
}

/**
 * When somebody has to look closer again; not before, whatever wakes the operation meanwhile. Beside the interval that is
 * when the limit is reached, for what was found before is no reason to give up.
 */
export function msUntilLook(
  { troubledMs, unlookedMs }: Pick<OperationClaim, 'troubledMs' | 'unlookedMs'>,
  limitMs: number,
): number {
  const overMs = troubledMs - limitMs;
  return overMs >= 0 && unlookedMs > overMs ? 0 : lookEveryMs(limitMs) - unlookedMs;
}

/** Often enough to see more than once what an operation is given up for, and no oftener: a look is three lists. */
export function lookEveryMs(limitMs: number): number {
  return Math.min(waitPollMs, Math.max(500, limitMs / 6));
}

/**
 * What becomes of an operation that waits for these resources: it waits on and says why, or, when what it waits for has
 * been in the same trouble for the plan's `timeouts.trouble`, it fails now and not at its deadline.
 */
export async function judgeWait(
  wait: { message: string; pollAfterMs?: number },
  resourceIds: ReadonlySet<string>,
  view: InstanceView,
  { claim }: Pick<TickContext, 'claim'>,
): Promise<TickOutcome> {
  const limitMs = (view.revision.timeouts.trouble ?? defaultTroubleSeconds) * 1000;
  const { troubledMs, operation } = claim;
  const nextLookMs = msUntilLook(claim, limitMs);
  const isDue = nextLookMs <= 0;
  const look = isDue ? await lookCloser(view.target, view.observed) : undefined;
  const found = diagnose(resourceIds, view.observed, look);
  const judgement = judge(
    {
      ...(found === undefined ? {} : { found }),
      ...(operation.diagnosis === undefined ? {} : { known: operation.diagnosis }),
      troubledMs,
      looked: look !== undefined,
    },
    limitMs,
  );
  const { diagnosis } = judgement;
  if (judgement.kind === 'give up') return givenUp(judgement.diagnosis, limitMs);
  return {
    kind: 'wait',
    description: explainWait(wait.message, diagnosis),
    pollAfterMs: Math.min(
      wait.pollAfterMs ?? waitPollMs,
      judgement.recheckMs,
      isDue ? lookEveryMs(limitMs) : nextLookMs,
    ),
    finding: { looked: isDue, ...(diagnosis === undefined ? {} : { diagnosis }) },
  };
}

/** What is waited for, and what is wrong unless that says it already. */
function explainWait(message: string, diagnosis: Diagnosis | undefined): string {
  if (diagnosis === undefined || message.includes(diagnosis.sentence)) return message;
  return `${message}. ${diagnosis.sentence}`;
}

function givenUp(diagnosis: Diagnosis, limitMs: number): TickOutcome {
  const { cause, sentence, advice } = diagnosis;
  return {
    kind: 'failed',
    code: cause === 'OperatorSilent' ? 'OperatorMissing' : 'ResourceFailed',
    sentence: `${sentence} It did not change for ${Math.round(limitMs / 1000)} s. ${advice}`,
    diagnosis,
  };
}
