import { ChandlerError } from '../domain/errors.ts';
import type { Operation, OperationType } from '../domain/operation.ts';
import { operationFields } from '../telemetry/events.ts';
import { abandonOperation } from './abandon-operation.ts';
import type { ChangeRequest } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { recordedAftermath } from './last-operation.ts';

/** The operation that a request began or joined. */
export interface PromisedOperation {
  /** What was asked for; a provision may join the operation of an update. */
  verb: OperationType;
  operation: Operation;
  /** Whether the plan says that this verb may finish within a request. */
  quick: boolean;
  /** Whether this request enqueued the operation; only then may it cancel it. */
  own: boolean;
}

/**
 * After the transaction that promised an operation: waits for it as long as its request may (docs/architecture.md).
 * Without accepts_incomplete the operation is over when this returns; an own one that takes too long is cancelled.
 * @returns whether it succeeded; `running` also stands for one that failed while the platform could poll
 * @throws ChandlerError the operation's own error, `SynchronousTimeout`, or `AsyncRequired`
 */
export async function settle(
  deps: UsecaseDeps,
  { acceptsIncomplete }: ChangeRequest,
  { verb, operation, quick, own }: PromisedOperation,
): Promise<'succeeded' | 'running'> {
  if (own) deps.events.operationEnqueued(operationFields(operation));
  const queue = deps.store.operationQueue;
  if (acceptsIncomplete) {
    if (!quick) return 'running';
    const after = await queue.waitUntilFinished(operation.uid, deps.settings.quickWaitMs);
    return after.state === 'succeeded' ? 'succeeded' : 'running';
  }
  if (!quick) throw new ChandlerError('AsyncRequired');

  const after = await queue.waitUntilFinished(operation.uid, deps.settings.syncWaitMs);
  const ended = after.state === 'in progress' && own ? await cancelLate(deps, after) : after;
  // Answers to other verbs may not tell how an update or deprovision left the instance.
  const aftermath = ended.type === verb ? { aftermath: recordedAftermath(ended) } : {};
  switch (ended.state) {
    case 'succeeded':
      return 'succeeded';
    case 'failed':
      throw new ChandlerError(ended.errorCode ?? 'Internal', {
        sentence: ended.description,
        ...aftermath,
      });
    case 'in progress':
      throw new ChandlerError('SynchronousTimeout', {
        ...aftermath,
        ...(own
          ? {}
          : { sentence: 'An earlier request for the same is still being worked on. Try again later.' }),
      });
  }
}

/**
 * Cancels an operation that outlived its request. One that ended in the meantime is left as it is.
 * @returns the operation as it ended, or as it was when this request cancelled it, with how that left the instance
 */
async function cancelLate(deps: UsecaseDeps, operation: Operation): Promise<Operation> {
  const { ended, aftermath } = await deps.store.transact(async (transaction) => {
    await transaction.lockInstanceByUid(operation.instanceUid);
    const latest = await transaction.findOperation(operation.uid);
    if (latest !== undefined && latest.state !== 'in progress') return { ended: latest };
    const reason = 'Cancelled: it did not finish within the request.';
    return { aftermath: await abandonOperation(transaction, operation, reason) };
  });
  if (ended !== undefined) return ended;
  deps.events.operationCancelled({ ...operationFields(operation), reason: 'synchronous timeout' });
  return { ...operation, ...aftermath };
}
