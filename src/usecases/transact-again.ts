import { ChandlerError } from '../domain/errors.ts';
import { type Store, type StoreTransaction, UniqueConflict } from '../store/types.ts';

const mostTries = 5;

/**
 * Runs a use case in one transaction. When a unique index decided a race against it, runs it again from the start, so
 * that it sees what the winner wrote.
 * @param final errors for constraints whose violation is no race and stays, by the constraint's name
 * @throws ChandlerError `ConcurrencyError` when it lost every time
 */
export async function transactAgain<T>(
  store: Pick<Store, 'transact'>,
  work: (transaction: StoreTransaction) => Promise<T>,
  final: Readonly<Record<string, () => ChandlerError>> = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await store.transact(work);
    } catch (error) {
      if (!(error instanceof UniqueConflict)) throw error;
      const lasting = final[error.constraint]?.();
      if (lasting !== undefined) throw lasting;
      if (tries === mostTries) throw new ChandlerError('ConcurrencyError', { cause: error });
    }
  }
}
