import { describe, expect, it } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import { type Store, type StoreTransaction, UniqueConflict } from '../store/types.ts';
import { transactAgain } from './transact-again.ts';

/** A store whose transactions lose the first `losses` races. */
function losingStore(
  losses: number,
  constraint = 'some_key',
): Pick<Store, 'transact'> & { tries: () => number } {
  let tries = 0;
  return {
    tries: () => tries,
    transact: async (work) => {
      tries += 1;
      if (tries <= losses) throw new UniqueConflict(constraint);
      return work({} as StoreTransaction);
    },
  };
}

describe('transactAgain', () => {
  it('looks again after a lost race', async () => {
    const store = losingStore(2);
    expect(await transactAgain(store, {}, async () => 'won')).toBe('won');
    expect(store.tries()).toBe(3);
  });

  it('gives up after five with ConcurrencyError', async () => {
    const store = losingStore(100);
    await expect(transactAgain(store, {}, async () => 'won')).rejects.toMatchObject({
      code: 'ConcurrencyError',
    });
    expect(store.tries()).toBe(5);
  });

  it('does not repeat what is no race', async () => {
    const store = losingStore(1, 'taken_for_good');
    const work = transactAgain(store, {}, async () => 'won', {
      taken_for_good: () => new ChandlerError('BindingConflict'),
    });
    await expect(work).rejects.toMatchObject({ code: 'BindingConflict' });
    expect(store.tries()).toBe(1);
  });

  it('undoes what a client asked for that went away meanwhile', async () => {
    const store = losingStore(0);
    const work = transactAgain(store, { isAbandoned: () => true }, async () => 'written');
    await expect(work).rejects.toMatchObject({ code: 'RequestAbandoned' });
    expect(store.tries()).toBe(1);
  });

  it('passes on every other error at once', async () => {
    const store = losingStore(0);
    const work = transactAgain(store, {}, async () => {
      throw new ChandlerError('AsyncRequired');
    });
    await expect(work).rejects.toMatchObject({ code: 'AsyncRequired' });
    expect(store.tries()).toBe(1);
  });
});
