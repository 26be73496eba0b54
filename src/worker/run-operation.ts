import { afterFailedBind, type BindingState } from '../domain/binding.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import { type ChandlerError, type ErrorCode, errorCatalogue, toChandlerError } from '../domain/errors.ts';
import type { InstanceState } from '../domain/instance.ts';
import type { Operation, OperationType } from '../domain/operation.ts';
import { backoffMs } from '../lib/backoff.ts';
import {
  LeaseLost,
  type OperationClaim,
  type OperationOutcome,
  type StoreTransaction,
} from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { aftermathOf } from './aftermath.ts';
import { bindTick } from './bind-tick.ts';
import { deprovisionTick } from './deprovision-tick.ts';
import { keepLease } from './lease-keeper.ts';
import { provisionTick } from './provision-tick.ts';
import { repairTick } from './repair-tick.ts';
import { beginRestoring, isRepeatable, lostSentence, restorable, restoredSentence } from './restoring.ts';
import { withSteps } from './steps.ts';
import { type TickContext, type TickOutcome, type WorkerDeps, WorkerStopping } from './types.ts';
import { unbindTick } from './unbind-tick.ts';
import { updateTick } from './update-tick.ts';

const ticks: Record<OperationType, (context: TickContext) => Promise<TickOutcome>> = {
  provision: provisionTick,
  update: updateTick,
  deprovision: deprovisionTick,
  bind: bindTick,
  unbind: unbindTick,
  repair: repairTick,
};

type EndStates =
  | { of: 'instance'; succeeded: InstanceState; failed: InstanceState }
  | { of: 'binding'; succeeded: BindingState; failed: BindingState }
  /** What it worked on stays in the state that it has. */
  | { of: 'none' };

const endStates: Record<OperationType, EndStates> = {
  provision: { of: 'instance', succeeded: 'ready', failed: 'provision failed' },
  update: { of: 'instance', succeeded: 'ready', failed: 'update failed' },
  deprovision: { of: 'instance', succeeded: 'deprovisioned', failed: 'deprovision failed' },
  // One that failed to make the credentials of a binding in use once more leaves it bound: see afterFailedBind.
  bind: { of: 'binding', succeeded: 'bound', failed: 'bind failed' },
  unbind: { of: 'binding', succeeded: 'unbound', failed: 'unbind failed' },
  repair: { of: 'none' },
};

function ageMs(operation: Operation): number {
  return Math.max(0, Date.now() - operation.createdAt.getTime());
}

const retryBackoff = { initialMs: 500, maximumMs: 15_000 };
/** What is our own fault hardly passes by itself; faults of the environment are tried until the deadline. */
const mostFaults = 10;
/**
 * An operation that ends its worker must not end every replica for ever. There is no further delay at a takeover: the
 * lease that has to run out first is one, and the first takeover must be quick.
 */
const mostTakeovers = 5;

/**
 * Runs one tick of a claimed operation and writes down what it came to. Never throws: a lost lease means that the
 * operation is another's now, anything else is recorded and tried again until the deadline.
 * @param askedAt when the claim was sent, by `settings.now`
 * @param stopping ends the tick at its next guard
 */
export async function runOperation(
  claim: OperationClaim,
  askedAt: number,
  plainDeps: WorkerDeps,
  stopping: AbortSignal,
): Promise<void> {
  const deps = withSteps(plainDeps, claim.operation.type);
  const { leaseSeconds, now } = deps.settings;
  const lease = keepLease(deps.store.operationQueue, claim, leaseSeconds, { askedAt, now });
  const guard = () => {
    lease.guard();
    if (stopping.aborted) throw new WorkerStopping();
  };
  try {
    await record(await tick({ deps, claim, guard }), claim, deps);
  } catch (thrown) {
    await recover(thrown, claim, deps);
  } finally {
    lease.stop();
  }
}

async function tick(context: TickContext): Promise<TickOutcome> {
  const { operation, takeovers, expired } = context.claim;
  // Before the deadline: what comes of that one looks at the instance, which may be what ended the workers.
  if (takeovers > mostTakeovers) {
    const { sentence } = errorCatalogue.WorkersLost;
    return { kind: 'failed', code: 'WorkersLost', sentence, cause: `${takeovers} takeovers in a row` };
  }
  return expired ? deadlineOutcome(operation) : ticks[operation.type](context);
}

function deadlineOutcome(operation: Operation): TickOutcome {
  return {
    kind: 'failed',
    code: 'DeadlineExceeded',
    sentence: `The operation did not finish within its time limit. Last state: ${operation.description}`,
    ...diagnosed(operation),
  };
}

async function record(outcome: TickOutcome, claim: OperationClaim, deps: WorkerDeps): Promise<void> {
  const { store, events } = deps;
  const { operation } = claim;
  switch (outcome.kind) {
    case 'done':
      await finish(claim, { state: 'succeeded', description: outcome.description }, deps, outcome.commit);
      events.operationSucceeded({ ...operationFields(operation), durationMs: ageMs(operation) });
      return;
    case 'failed': {
      const before = await restorable(claim, outcome.code, deps);
      if (before !== undefined) return beginRestoring(outcome, before, claim, deps);
      const { failure } = operation;
      const { code } = failure ?? outcome;
      const description = failure === undefined ? outcome.sentence : lostSentence(failure, outcome.sentence);
      const aftermath = await aftermathOf({ deps, claim }, { ended: outcome.code, told: code });
      const why = diagnosed(failure ?? outcome);
      await finish(claim, { state: 'failed', description, errorCode: code, ...why, ...aftermath }, deps);
      const cause = outcome.cause ?? outcome.sentence;
      events.operationFailed({ ...failedFields(operation, code), ...why, cause });
      return;
    }
    case 'restored': {
      const { code, sentence } = outcome.failure;
      const aftermath = { instanceUsable: true, updateRepeatable: isRepeatable(code) };
      const description = restoredSentence(outcome.failure);
      const why = diagnosed(outcome.failure);
      const ended = { state: 'failed', description, errorCode: code, ...why, ...aftermath } as const;
      await finish(claim, ended, deps, outcome.commit);
      events.operationFailed({ ...failedFields(operation, code), ...why, cause: sentence });
      return;
    }
    case 'wait':
      await store.operationQueue.release(claim, {
        runAfterMs: outcome.pollAfterMs,
        description: outcome.description,
        attempts: 0,
        ...(outcome.finding === undefined ? {} : { finding: outcome.finding }),
      });
      events.operationProgressed({ ...operationFields(operation), description: outcome.description });
      return;
  }
}

function diagnosed({ diagnosis }: { diagnosis?: Diagnosis }): { diagnosis?: Diagnosis } {
  return diagnosis === undefined ? {} : { diagnosis };
}

function failedFields(operation: Operation, errorCode: ErrorCode) {
  return { ...operationFields(operation), durationMs: ageMs(operation), errorCode };
}

async function finish(
  claim: OperationClaim,
  outcome: OperationOutcome,
  deps: WorkerDeps,
  commit?: (transaction: StoreTransaction) => Promise<void>,
): Promise<void> {
  const { operation } = claim;
  const ends = endStates[operation.type];
  await deps.store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await commit?.(transaction);
    if (ends.of === 'instance') {
      // Made or updated, it can be used; after a failed operation as far as that one looked.
      const usable = outcome.state === 'succeeded' ? true : outcome.instanceUsable;
      await transaction.setInstanceState(operation.instanceUid, ends[outcome.state], usable);
    } else if (ends.of === 'binding' && operation.bindingUid !== undefined) {
      const uid = operation.bindingUid;
      const state =
        operation.type === 'bind' && outcome.state === 'failed'
          ? afterFailedBind(await transaction.findBindingByUid(uid))
          : ends[outcome.state];
      await transaction.setBindingState(uid, state);
    }
    await transaction.finishOperation(claim, outcome);
    // While the operation was under way, no sighting of a change could have it repaired.
    const delivers = operation.type === 'bind' || operation.type === 'repair';
    if (delivers && operation.bindingUid !== undefined && outcome.state === 'succeeded') {
      await transaction.repairDelivery(operation.bindingUid);
    }
    await transaction.wakeInstance(operation.instanceUid);
  });
}

async function recover(thrown: unknown, claim: OperationClaim, deps: WorkerDeps): Promise<void> {
  if (thrown instanceof LeaseLost) {
    await giveUp(claim, deps);
    return;
  }
  if (thrown instanceof WorkerStopping) {
    await handOver(claim, deps);
    return;
  }
  const error = toChandlerError(thrown);
  const attempts = attemptsOf(error, claim.operation);
  try {
    if (error.retry && !(error.code === 'Internal' && attempts >= mostFaults))
      await retryLater(error, attempts, claim, deps);
    else {
      const { code, message, cause } = error;
      await record({ kind: 'failed', code, sentence: message, cause }, claim, deps);
    }
  } catch (again) {
    if (!(again instanceof LeaseLost))
      deps.events.backgroundFaulted({ task: 'record outcome', cause: again });
    await giveUp(claim, deps);
  }
}

/**
 * The operation is no longer ours: cancelled, or claimed by another. When Postgres is away, the lease runs out and
 * whoever is alive claims the operation anew.
 */
async function giveUp(claim: OperationClaim, deps: WorkerDeps): Promise<void> {
  deps.events.leaseLost(operationFields(claim.operation));
  await deps.store.operationQueue.giveUp(claim).catch((cause: unknown) => {
    deps.events.backgroundFaulted({ task: 'give up a lost operation', cause });
  });
}

/** Due now and otherwise as it was: another replica, if there is one, goes on within a moment. */
export async function handOver(claim: OperationClaim, { store, events }: WorkerDeps): Promise<void> {
  const { attempts, errorCode } = claim.operation;
  const asItWas = { runAfterMs: 0, attempts, ...(errorCode === undefined ? {} : { errorCode }) };
  try {
    await store.operationQueue.release(claim, asItWas);
    events.operationHandedOver(operationFields(claim.operation));
  } catch (cause) {
    events.backgroundFaulted({ task: 'hand over an operation', cause });
  }
}

/** In a row, and of its sort: faults of ours are not counted together with those of the environment. */
function attemptsOf({ code }: ChandlerError, { attempts, errorCode }: Operation): number {
  return (code === 'Internal') === (errorCode === 'Internal') ? attempts + 1 : 1;
}

async function retryLater(
  error: ChandlerError,
  attempts: number,
  claim: OperationClaim,
  deps: WorkerDeps,
): Promise<void> {
  const { operation } = claim;
  const delayMs = backoffMs(attempts, deps.settings.retryBackoff ?? retryBackoff);
  deps.events.operationRetried({
    ...operationFields(operation),
    attempts,
    delayMs,
    errorCode: error.code,
    cause: error.cause ?? error.message,
  });
  await deps.store.operationQueue.release(claim, {
    runAfterMs: delayMs,
    description: error.message,
    attempts,
    errorCode: error.code,
  });
}
