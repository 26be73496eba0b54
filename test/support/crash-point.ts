import { AsyncLocalStorage } from 'node:async_hooks';
import { type Step, type StepHook, spellStep } from '../../src/domain/steps.ts';
import type { Store } from '../../src/store/types.ts';
import { storeWithSteps } from '../../src/worker/steps.ts';
import type { WorkerDeps } from '../../src/worker/types.ts';

/** What becomes of the process at the step: as the modes of CHANDLER_FAILPOINT. */
export type Fate = 'error' | 'kill' | 'pause';

/** The process is gone at this point: its transaction rolls back, and nothing of it ever goes on. */
class Killed extends Error {}

const never = () => new Promise<never>(() => {});

/**
 * A worker, or the HTTP side, within this process as if it were one of its own, which errs, is killed or stands still
 * the first time that it comes to a step. Whose process is killed never goes on; one that stands still renews no lease,
 * and finds when it goes on that the time of its leases has passed. What it did is in `steps`.
 */
export class CrashPoint {
  /** The steps it came to, as `verb.name`, in order. */
  readonly steps: string[] = [];
  readonly hook: StepHook = (step) => this.#come(step);
  /** Resolves when it came to the step, and Postgres has answered the claim that it may have sent before. */
  readonly reached: Promise<void>;
  readonly #at: string | undefined;
  readonly #fate: Fate;
  readonly #reach: () => void;
  readonly #inTransaction = new AsyncLocalStorage<true>();
  #isReached = false;
  #isDead = false;
  #standing: Promise<void> | undefined;
  #goOn = () => {};
  #skippedMs = 0;
  #claiming: Promise<unknown> = Promise.resolve();
  readonly #ended = Promise.withResolvers<void>();

  /** Without a step it only follows. */
  constructor(at?: Step, fate: Fate = 'kill') {
    this.#at = at === undefined ? undefined : spellStep(at);
    this.#fate = fate;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise.then(() => this.#claiming).then(() => undefined);
    this.#reach = resolve;
  }

  /** For a worker. */
  parts(
    store: Store,
    settings: Pick<WorkerDeps['settings'], 'owner' | 'leaseSeconds'>,
  ): Pick<WorkerDeps, 'store' | 'steps' | 'settings'> {
    return {
      store: this.#store(store),
      steps: this.hook,
      settings: {
        ...settings,
        concurrency: 4,
        retryBackoff: { initialMs: 2, maximumMs: 10 },
        now: () => performance.now() + this.#skippedMs,
      },
    };
  }

  /** For the HTTP side. */
  acceptingStore(store: Store): Store {
    return storeWithSteps(this.#store(store), this.hook);
  }

  /** The store as this process reaches it. */
  #store(store: Store): Store {
    const { operationQueue: queue } = store;
    return {
      ...store,
      transact: (work) =>
        this.#alive(() =>
          store
            .transact((transaction) => this.#inTransaction.run(true, () => work(transaction)))
            .catch((thrown: unknown) => {
              if (thrown instanceof Killed) return never();
              throw thrown;
            }),
        ),
      operationQueue: {
        ...queue,
        claim: (...given) =>
          this.#alive(() => {
            const claim = queue.claim(...given);
            this.#claiming = claim.catch(() => undefined);
            return claim;
          }),
        renew: (...given) => this.#alive(() => queue.renew(...given)),
        release: (...given) => this.#alive(() => this.#ending(queue.release(...given))),
        giveUp: (...given) => this.#alive(() => this.#ending(queue.giveUp(...given))),
      },
    };
  }

  /** Resolves when the tick that came to the step has given its operation back or up. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  async #ending(giving: Promise<void>): Promise<void> {
    await giving;
    if (this.#isReached) this.#ended.resolve();
  }

  /** Lets it go on where it stands; by its own clock this much time has passed. */
  resume(passedMs: number): void {
    this.#skippedMs += passedMs;
    this.#standing = undefined;
    this.#goOn();
  }

  async #come(step: Step): Promise<void> {
    if (this.#isDead) await this.#die();
    if (step.when === 'before') this.steps.push(`${step.verb}.${step.name}`);
    if (this.#isReached || spellStep(step) !== this.#at) return;
    this.#isReached = true;
    switch (this.#fate) {
      case 'error':
        this.#reach();
        throw new Error(`failpoint ${this.#at}`);
      case 'kill':
        this.#isDead = true;
        this.#reach();
        return this.#die();
      case 'pause': {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#standing = promise;
        this.#goOn = resolve;
        this.#reach();
        return promise;
      }
    }
  }

  /** Within a transaction by an error, so that it rolls back, as Postgres does when the connection is lost. */
  async #die(): Promise<never> {
    if (this.#inTransaction.getStore() === true) throw new Killed();
    return never();
  }

  async #alive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDead) await never();
    await this.#standing;
    return work();
  }
}
