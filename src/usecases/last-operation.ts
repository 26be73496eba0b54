import type { InstanceAftermath } from '../domain/errors.ts';
import type { Operation, OperationState } from '../domain/operation.ts';
import type { StoreReader } from '../store/types.ts';

/** What platforms learn when they poll (OSBAPI "Polling Last Operation"). */
export interface LastOperation extends InstanceAftermath {
  state: OperationState;
  description: string;
  /** When to ask again, while it is in progress. */
  retryAfterSeconds?: number;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The operation that a token names, if it is one; tokens are hints and never an error. */
export async function operationOfToken(
  store: StoreReader,
  token: string | undefined,
): Promise<Operation | undefined> {
  return token === undefined || !uuid.test(token) ? undefined : store.findOperation(token);
}

export function lastOperation(operation: Operation, now = Date.now()): LastOperation {
  const { state, description } = operation;
  return {
    state,
    description,
    ...recordedAftermath(operation),
    ...(state === 'in progress'
      ? { retryAfterSeconds: retryAfterSeconds(now - operation.createdAt.getTime()) }
      : {}),
  };
}

/** How a failed update or deprovision left its instance; empty for everything else. */
export function recordedAftermath(operation: Operation): InstanceAftermath {
  const { instanceUsable, updateRepeatable } = operation;
  return {
    ...(instanceUsable === undefined ? {} : { instanceUsable }),
    ...(updateRepeatable === undefined ? {} : { updateRepeatable }),
  };
}

const longestRetryAfterSeconds = 30;

/** The longer an operation takes, the less a moment matters: about a quarter of its age. */
export function retryAfterSeconds(ageMs: number): number {
  return Math.min(longestRetryAfterSeconds, Math.max(1, Math.round(ageMs / 4000)));
}

/** How long last_operation answers for something deleted; afterwards it says 410. */
const deletedAnswerMs = 24 * 3_600_000;

/** Whether a finished deletion is so long ago that polling it is answered with 410. */
export function isLongGone(operation: Operation, now = Date.now()): boolean {
  return operation.finishedAt !== undefined && now - operation.finishedAt.getTime() > deletedAnswerMs;
}
