import type { CredentialsProvider } from '../../src/credentials/types.ts';
import type { Cluster, KubeObject } from '../../src/kube/types.ts';
import type { Store, StoreTransaction } from '../../src/store/types.ts';

export type When = 'before' | 'after';

/** The process is gone at this point: its transaction rolls back, and nothing of it ever goes on. */
class Killed extends Error {}

/**
 * Follows the steps of one worker that change something (rows, objects, logins) and kills it before or after one of
 * them. "After" is after the commit, or after the effect. What it did until then is in `steps`.
 */
export class CrashPoint {
  readonly steps: string[] = [];
  /** Resolves when the worker is dead, and Postgres has answered the claim that it may have sent before. */
  readonly reached: Promise<void>;
  readonly #step: string | undefined;
  readonly #when: When;
  readonly #die: () => void;
  #dead = false;
  #claiming: Promise<unknown> = Promise.resolve();

  /** Without a step it only follows. */
  constructor(step?: string, when: When = 'before') {
    this.#step = step;
    this.#when = when;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise.then(() => this.#claiming).then(() => undefined);
    this.#die = resolve;
  }

  store(store: Store): Store {
    const { operationQueue } = store;
    return {
      ...store,
      transact: (work) => this.#transact(store, work),
      holdLease: (...given) => this.#alive(() => store.holdLease(...given)),
      operationQueue: {
        ...operationQueue,
        claim: (...given) =>
          this.#alive(() => {
            const claim = operationQueue.claim(...given);
            this.#claiming = claim.catch(() => undefined);
            return claim;
          }),
        renew: (...given) => this.#alive(() => operationQueue.renew(...given)),
        release: (...given) => this.#around('release', () => operationQueue.release(...given)),
      },
    };
  }

  cluster(cluster: Cluster): Cluster {
    return this.#following(cluster, {
      create: (object: KubeObject) => `create ${object.kind}`,
      apply: (object: KubeObject) => `apply ${object.kind}`,
      delete: (reference: { kind: string }) => `delete ${reference.kind}`,
    });
  }

  provider(provider: CredentialsProvider): CredentialsProvider {
    return this.#following(provider, {
      prepare: () => 'prepare server',
      create: () => 'create login',
      revoke: () => 'revoke login',
    });
  }

  /** The same object, whose named methods are steps. */
  #following<T extends object>(target: T, names: Record<string, (argument: never) => string>): T {
    return new Proxy(target, {
      get: (_target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const nameOf = names[String(key)];
        if (nameOf === undefined) return value.bind(target);
        return (...given: unknown[]) =>
          this.#around(nameOf(given[0] as never), () => Reflect.apply(value, target, given));
      },
    });
  }

  async #transact<T>(store: Store, work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const written: string[] = [];
    const begin = (name: string) => {
      written.push(name);
      this.steps.push(name);
      if (this.#is(name, 'before')) throw new Killed();
    };
    try {
      const result = await this.#alive(() =>
        store.transact((transaction) => work(named(transaction, begin))),
      );
      return written.some((name) => this.#is(name, 'after')) ? await this.#kill() : result;
    } catch (thrown) {
      if (thrown instanceof Killed) return this.#kill();
      throw thrown;
    }
  }

  async #around<T>(step: string, effect: () => Promise<T>): Promise<T> {
    if (this.#dead || this.#is(step, 'before')) return this.#kill();
    this.steps.push(step);
    const result = await effect();
    return this.#is(step, 'after') ? this.#kill() : result;
  }

  async #alive<T>(effect: () => Promise<T>): Promise<T> {
    return this.#dead ? this.#kill() : effect();
  }

  #is(step: string, when: When): boolean {
    return !this.#dead && step === this.#step && when === this.#when;
  }

  #kill(): Promise<never> {
    this.#dead = true;
    this.#die();
    return new Promise(() => {});
  }
}

/** The same transaction, whose writes are announced before they happen. */
function named(transaction: StoreTransaction, begin: (step: string) => void): StoreTransaction {
  return {
    ...transaction,
    planInventory: (items) => {
      begin(`plan ${items[0]?.resourceId}`);
      return transaction.planInventory(items);
    },
    recordApplied: (item, ...rest) => {
      begin(`record ${item.kind}`);
      return transaction.recordApplied(item, ...rest);
    },
    removeInventory: (item) => {
      begin(`forget ${item.kind}`);
      return transaction.removeInventory(item);
    },
    setBindingState: (uid, state) => {
      if (state === 'unbound') begin('record unbound');
      return transaction.setBindingState(uid, state);
    },
    setBindingCredentials: (uid, credentials) => {
      begin('record credentials');
      return transaction.setBindingCredentials(uid, credentials);
    },
    finishOperation: (claim, outcome) => {
      begin('finish');
      return transaction.finishOperation(claim, outcome);
    },
  };
}
