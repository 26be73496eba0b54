/** Stands in for the worker: finishes operations through the store, when and how a test says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BindingState } from '../../src/domain/binding.ts';
import { type ErrorCode, errorCatalogue, type InstanceAftermath } from '../../src/domain/errors.ts';
import type { InstanceState } from '../../src/domain/instance.ts';
import type { OperationType } from '../../src/domain/operation.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { LeaseLost, type OperationClaim, type Store } from '../../src/store/types.ts';

/** A failed update or deprovision leaves the instance usable unless it says otherwise. */
export type Ending = 'succeeded' | ({ code: ErrorCode; sentence: string } & InstanceAftermath);

const ends: Record<
  OperationType,
  { succeeded: InstanceState | BindingState; failed: InstanceState | BindingState }
> = {
  provision: { succeeded: 'ready', failed: 'provision failed' },
  update: { succeeded: 'ready', failed: 'update failed' },
  deprovision: { succeeded: 'deprovisioned', failed: 'deprovision failed' },
  bind: { succeeded: 'bound', failed: 'bind failed' },
  unbind: { succeeded: 'unbound', failed: 'unbind failed' },
  repair: { succeeded: 'ready', failed: 'ready' },
};

function aftermathOf(type: OperationType, ending: Exclude<Ending, 'succeeded'>): InstanceAftermath {
  const { instanceUsable = true, updateRepeatable = errorCatalogue[ending.code].actor !== 'caller' } = ending;
  if (type === 'update') return { instanceUsable, updateRepeatable };
  return type === 'deprovision' ? { instanceUsable } : {};
}

export class ScriptedWorker {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes an operation as a worker does; others that are due are put off. */
  async claim(operationUid: string): Promise<OperationClaim> {
    for (;;) {
      const claim = await this.#store.operationQueue.claim('scripted', 60);
      if (claim === undefined) throw new Error(`operation ${operationUid} is not due`);
      if (claim.operation.uid === operationUid) return claim;
      await this.#store.operationQueue.release(claim, { runAfterMs: 3_600_000, attempts: 0 });
    }
  }

  async finish(operationUid: string, ending: Ending = 'succeeded'): Promise<void> {
    await this.end(await this.claim(operationUid), ending);
  }

  /** Writes down the outcome of a claimed operation. @throws LeaseLost when it was cancelled since; it is given up */
  async end(claim: OperationClaim, ending: Ending = 'succeeded'): Promise<void> {
    try {
      await this.#record(claim, ending);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) await this.#store.operationQueue.giveUp(claim);
      throw thrown;
    }
  }

  async #record(claim: OperationClaim, ending: Ending): Promise<void> {
    const { operation } = claim;
    const aftermath = ending === 'succeeded' ? {} : aftermathOf(operation.type, ending);
    const state = ends[operation.type][ending === 'succeeded' ? 'succeeded' : 'failed'];
    await this.#store.transact(async (transaction) => {
      await transaction.assertHeld(claim);
      if (operation.bindingUid === undefined) {
        const usable = ending === 'succeeded' ? true : aftermath.instanceUsable;
        await transaction.setInstanceState(operation.instanceUid, state as InstanceState, usable);
        const target = await transaction.findUpdateTarget(operation.uid);
        if (target !== undefined && ending === 'succeeded') {
          await transaction.applyUpdate(operation.instanceUid, operation.planRevision, target.reveal());
        }
        if (state === 'deprovisioned') {
          for (const binding of await transaction.listBindings(operation.instanceUid)) {
            await transaction.setBindingState(binding.uid, 'unbound');
          }
        }
      } else {
        await transaction.setBindingState(operation.bindingUid, state as BindingState);
        if (state === 'bound') {
          const binding = await transaction.findBindingByUid(operation.bindingUid);
          const credentials = {
            username: binding?.externalName ?? '',
            password: binding?.password.reveal() ?? '',
          };
          await transaction.setBindingCredentials(operation.bindingUid, new Redacted(credentials));
        }
      }
      await transaction.finishOperation(
        claim,
        ending === 'succeeded'
          ? { state: 'succeeded', description: 'Done.' }
          : { state: 'failed', description: ending.sentence, errorCode: ending.code, ...aftermath },
      );
    });
  }

  /** Finishes the next operation that anybody enqueues. */
  async finishNext(ending: Ending = 'succeeded'): Promise<void> {
    for (;;) {
      const claim = await this.#store.operationQueue.claim('scripted', 60);
      if (claim !== undefined) return this.end(claim, ending);
      await sleep(10);
    }
  }

  /** Puts off everything that is due, so that the next `finishNext` finds only what comes after. */
  async putOffAll(): Promise<void> {
    for (;;) {
      const claim = await this.#store.operationQueue.claim('scripted', 60);
      if (claim === undefined) return;
      await this.#store.operationQueue.release(claim, { runAfterMs: 3_600_000, attempts: 0 });
    }
  }
}
