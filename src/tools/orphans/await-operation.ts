import type { Operation } from '../../domain/operation.ts';
import type { Store } from '../../store/types.ts';

/** A worker claims within moments; after this long there is none, or all are busy. */
const unclaimedMs = 15_000;
const lookMs = 1_000;

export interface AwaitOptions {
  /** Stops waiting; the operation goes on. */
  signal: AbortSignal;
  onProgress(description: string): void;
  /** Called once, when no worker has taken it up for a while. */
  onUnclaimed(): void;
}

/**
 * Waits until workers are through with an operation.
 * @returns the operation as it is then, in progress only when the signal came
 * @throws ChandlerError `StoreUnavailable`
 */
export async function awaitOperation(
  { operationQueue }: Pick<Store, 'operationQueue'>,
  operation: Operation,
  { signal, onProgress, onUnclaimed }: AwaitOptions,
): Promise<Operation> {
  const startedAt = performance.now();
  let told = false;
  let { description } = operation;
  for (;;) {
    const now = await operationQueue.waitUntilFinished(operation.uid, lookMs);
    if (now.state !== 'in progress' || signal.aborted) return now;
    if (now.description !== description) {
      description = now.description;
      onProgress(description);
    }
    if (now.fence === operation.fence && !told && performance.now() - startedAt > unclaimedMs) {
      told = true;
      onUnclaimed();
    }
  }
}
