import { ChandlerError } from '../domain/errors.ts';
import { type Store, type StoreTransaction, UniqueConflict } from '../store/types.ts';
import type { ChangeRequest } from './caller.ts';

const mostTries = 5;

/**
 * Runs a use case in one transaction. When a unique index decided a race against it, runs it again from the start, so
 * that it sees what the winner wrote.
 *
 * A request that its client gave up is rolled back: the DELETE that a platform sends after it (orphan mitigation) may
 * have been answered already, with "there is no such thing".
 * @param final errors for constraints whose violation is no race and stays, by the constraint's name
 * @throws ChandlerError `ConcurrencyError` when it lost every time, `RequestAbandoned`
 */
export async function transactAgain<T>(
  store: Pick<Store, 'transact'>,
  { isAbandoned }: Pick<ChangeRequest, 'isAbandoned'>,
  work: (transaction: StoreTransaction) => Promise<T>,
  final: Readonly<Record<string, () => ChandlerError>> = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await store.transact(async (transaction) => {
        const result = await work(transaction);
        if (isAbandoned?.() === true) throw new ChandlerError('RequestAbandoned');
        return result;
      });
    } catch (error) {
      if (!(error instanceof UniqueConflict)) throw error;
      const lasting = final[error.constraint]?.();
      if (lasting !== undefined) throw lasting;
      if (tries === mostTries) throw new ChandlerError('ConcurrencyError', { cause: error });
    }
  }
}
