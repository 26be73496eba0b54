/** An update that failed takes back what it changed (ADR 0020). */
import { type ErrorCode, errorCatalogue } from '../domain/errors.ts';
import type { UpdateFailure } from '../domain/operation.ts';
import type { OperationClaim } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { complete } from './converge.ts';
import { viewInstance, wasReady } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { moveTo } from './move-to.ts';
import type { TickContext, TickOutcome, WorkerDeps } from './types.ts';

type Failed = Extract<TickOutcome, { kind: 'failed' }>;

/**
 * Brings an instance one step nearer to what its row says, which still holds the values from before the update, as an
 * update does; ends as failed with why the update failed.
 */
export async function restoreTick(failure: UpdateFailure, plain: TickContext): Promise<TickOutcome> {
  const context: TickContext = { ...plain, restoring: true };
  const { appliedResources } = context.claim.operation;
  const view = await lookFurther(await viewInstance(context), context.deps, appliedResources);
  const outcome =
    (await moveTo(view, context)) ?? (await complete(view, context, { description: failure.sentence }));
  switch (outcome.kind) {
    case 'done':
      return {
        kind: 'restored',
        failure,
        ...(outcome.commit === undefined ? {} : { commit: outcome.commit }),
      };
    case 'wait':
      return { ...outcome, description: restoringText(failure, outcome.description) };
    case 'failed':
    case 'restored':
      return outcome;
  }
}

/** What a failed update says in the end. */
export function restoredSentence({ sentence }: UpdateFailure): string {
  return `${sentence} The service instance is back on the version before the update.`;
}

/** What an update says that failed and could not be taken back either. */
export function lostSentence({ sentence }: UpdateFailure, again: string): string {
  return `${sentence} The version before the update could not be restored either: ${again}`;
}

function restoringText({ sentence }: UpdateFailure, progress: string): string {
  return `${sentence} Restoring the version before: ${progress}`;
}

/**
 * Whether a failed update is to be taken back: once, and only to a version that worked. What ended one worker after the
 * other would end those that restore as well.
 */
export async function isRestorable(
  context: Pick<TickContext, 'deps' | 'claim'>,
  code: ErrorCode,
): Promise<boolean> {
  const { type, failure } = context.claim.operation;
  if (type !== 'update' || failure !== undefined || code === 'WorkersLost') return false;
  return wasReady(await viewInstance(context));
}

/** The operation goes on, as one that restores. */
export async function beginRestoring(
  { code, sentence, cause, diagnosis }: Failed,
  claim: OperationClaim,
  deps: WorkerDeps,
): Promise<void> {
  const { operation } = claim;
  const failure = { code, sentence, ...(diagnosis === undefined ? {} : { diagnosis }) };
  const { revision } = await viewInstance({ deps, claim });
  await deps.store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await transaction.beginRestoring(claim, failure, revision.timeouts.update);
  });
  deps.events.updateRestoring({
    ...operationFields(operation),
    errorCode: code,
    cause: cause ?? sentence,
  });
  const description = restoringText(failure, 'it begins.');
  await deps.store.operationQueue.release(claim, { runAfterMs: 0, description, attempts: 0 });
}

/** The same update may succeed later unless its own values were wrong. */
export function isRepeatable(code: ErrorCode): boolean {
  return errorCatalogue[code].actor !== 'caller';
}
