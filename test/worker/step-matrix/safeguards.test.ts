/** Each safeguard against a late worker is taken out once, and the step matrix notices: one that is not needed proves nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationClaim, Store, StoreTransaction } from '../../../src/store/types.ts';
import { type Cell, type Lane, openLane, runCell } from './run-cell.ts';

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane?.close());

const login: Cell = { verb: 'bind', when: 'after', step: 'create-login', column: 'undone' };
const service: Cell = { verb: 'provision', when: 'after', step: 'apply-service', column: 'pause' };
const claimed: Cell = { ...service, column: 'overtaken' };

/** A store whose transactions are not what they should be. */
function withTransaction(
  store: Store,
  broken: (transaction: StoreTransaction) => Partial<StoreTransaction>,
): Store {
  return {
    ...store,
    transact: (work) => store.transact((transaction) => work({ ...transaction, ...broken(transaction) })),
  };
}

/** As if the fence were no part of what a write is held against: each write names the newest. */
function withoutFence(store: Store): Store {
  const newest = async (claim: OperationClaim) => {
    const [row] = await lane.harness.query('select fence from operations where uid = $1', [
      claim.operation.uid,
    ]);
    return { ...claim, fence: Number(row?.fence) };
  };
  const { operationQueue } = store;
  return {
    ...withTransaction(store, (transaction) => ({
      assertHeld: async (claim) => transaction.assertHeld(await newest(claim)),
      finishOperation: async (claim, outcome) => transaction.finishOperation(await newest(claim), outcome),
    })),
    operationQueue: {
      ...operationQueue,
      release: async (claim, next) => operationQueue.release(await newest(claim), next),
    },
  };
}

describe('a late worker', () => {
  test('that does not check the lease it has left delivers credentials of a binding that is gone', async () => {
    expect(await runCell(login, lane)).toEqual([]);
    expect(await runCell(login, lane, { clock: true })).toEqual(['Secret', 'ConfigMap']);
  });

  test('whose transactions do not ask for the operation writes into rows of another', async () => {
    expect(await runCell(service, lane)).toEqual([]);
    const store = (whole: Store) => withTransaction(whole, () => ({ assertHeld: () => Promise.resolve() }));
    await expect(runCell(service, lane, { store })).rejects.toThrow('to deeply equal');
  });

  test('of the same process is told from the one that claimed anew by the fence alone', async () => {
    expect(await runCell(claimed, lane)).toEqual([]);
    await expect(runCell(claimed, lane, { store: withoutFence })).rejects.toThrow('to deeply equal');
  });
});
