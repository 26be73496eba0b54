/** A sealed text opens in its own table, row and column alone: whatever is moved is refused, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import { plantedSecret, plantRows, showAll } from '../../test/support/sealed-rows.ts';
import { openTestStore, type TestStore } from '../../test/support/store.ts';
import { type KeyAdmin, openKeyAdmin } from './open-key-admin.ts';
import { type SealedTable, sealedColumns, sealedTables } from './sealed-columns.ts';
import type { UnreadableRow } from './sealed-rows.ts';

let opened: TestStore;
let admin: KeyAdmin;
let uids: Record<SealedTable, string[]>;

beforeAll(async () => {
  opened = await openTestStore();
  admin = openKeyAdmin({ databaseUrl: opened.url, keys: opened.keys });
  uids = await plantRows(opened.store, 4);
});
afterAll(async () => {
  await admin?.close();
  await opened?.close();
});

interface Cell {
  table: SealedTable;
  /** Which of the planted rows. */
  row: number;
  /** As it is called in Postgres. */
  column: string;
}

const uidOf = ({ table, row }: Cell) => uids[table][row] ?? '';
const read = async (cell: Cell) => {
  const [found] = await queryDatabase<{ text: string }>(
    opened.url,
    `select ${cell.column} as text from ${cell.table} where uid = $1`,
    [uidOf(cell)],
  );
  return found?.text;
};
const write = (cell: Cell, text: string | undefined) =>
  queryDatabase(opened.url, `update ${cell.table} set ${cell.column} = $1 where uid = $2`, [
    text,
    uidOf(cell),
  ]);

async function swap(one: Cell, two: Cell): Promise<void> {
  const [first, second] = [await read(one), await read(two)];
  await write(one, second);
  await write(two, first);
}

async function unreadableRows(): Promise<UnreadableRow[]> {
  const batches = sealedTables.map((table) => admin.openBatch(table, undefined, 100));
  return (await Promise.all(batches)).flatMap(({ unreadable }) => unreadable);
}

/** Reads a row as a broker does. */
function readAsBroker(table: SealedTable, uid: string): Promise<unknown> {
  if (table === 'service_instances') return opened.store.findInstanceByUid(uid);
  if (table === 'service_bindings') return opened.store.findBindingByUid(uid);
  return opened.store.findUpdateTarget(uid);
}

/** Swaps, sees exactly the rows of both cells refused, and swaps back. */
async function expectRefusal(one: Cell, two: Cell): Promise<void> {
  const moved = new Map([one, two].map((cell) => [uidOf(cell), cell]));
  await swap(one, two);
  const refused = await unreadableRows();
  expect(new Set(refused.map(({ uid }) => uid))).toEqual(new Set(moved.keys()));
  for (const { table, uid, reason } of refused) {
    expect(reason).toContain(`${table} ${uid}`);
    expect(reason).not.toContain(plantedSecret);
  }
  for (const table of sealedTables) {
    for (const uid of uids[table]) {
      const cell = moved.get(uid);
      // What was sent with an operation is kept for the audit trail, and no broker reads it.
      if (cell === undefined || cell.column === 'originating_identity_sealed') {
        if (cell === undefined) expect(await readAsBroker(table, uid)).toBeDefined();
        continue;
      }
      const error = await readAsBroker(table, uid).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'SealBroken', status: 500, cause: { place: { table, uid } } });
      expect(showAll(error)).toContain(`${table} ${uid}`);
      expect(showAll(error)).not.toContain(plantedSecret);
    }
  }
  await swap(one, two);
  expect(await unreadableRows()).toEqual([]);
}

test('every column of Postgres that ends in _sealed is in the list, and no other', async () => {
  const found = await queryDatabase<{ table: string; column: string }>(
    opened.url,
    `select table_name as table, column_name as column from information_schema.columns
     where table_schema = 'public' and column_name like '%\\_sealed' order by 1, 2`,
  );
  const listed = sealedTables.flatMap((table) =>
    sealedColumns[table].map((column) => ({ table, column: `${column}_sealed` })),
  );
  const inOrder = (columns: { table: string; column: string }[]) =>
    columns.map(({ table, column }) => `${table}.${column}`).sort();
  expect(inOrder(listed)).toEqual(inOrder(found));
  expect(listed.length).toBeGreaterThan(9);
});

test('the planted rows have every sealed column filled, and all of them open', async () => {
  for (const table of sealedTables) {
    for (const column of sealedColumns[table]) {
      const sql = `select count(${column}_sealed)::int as filled from ${table}`;
      expect(await queryDatabase(opened.url, sql)).toEqual([{ filled: 4 }]);
    }
  }
  expect(await unreadableRows()).toEqual([]);
});

const inDatabase = (column: string) => `${column}_sealed`;

describe.each(sealedTables.map((table) => ({ table })))('in $table', ({ table }) => {
  const columns = sealedColumns[table].map(inDatabase);

  test.each([...columns, 'data_key'])(
    '%s swapped between two rows makes these two fail alone',
    async (column) => {
      await expectRefusal({ table, row: 1, column }, { table, row: 2, column });
    },
  );

  test('any two columns swapped within a row make this one fail alone', async () => {
    for (const [index, one] of columns.entries()) {
      for (const two of columns.slice(index + 1)) {
        await expectRefusal({ table, row: 1, column: one }, { table, row: 1, column: two });
      }
    }
    await expectRefusal({ table, row: 1, column: columns[0] ?? '' }, { table, row: 1, column: 'data_key' });
  });

  test('a whole row swapped with another, data key and all, makes both fail', async () => {
    const all = [...columns, 'data_key'];
    const [first, second] = uids[table];
    const assignments = all.map((column) => `${column} = other.${column}`).join(', ');
    const exchange = () =>
      queryDatabase(
        opened.url,
        `update ${table} target set ${assignments} from ${table} other
         where (target.uid, other.uid) in (($1, $2), ($2, $1))`,
        [first, second],
      );
    await exchange();
    expect((await unreadableRows()).map(({ uid }) => uid).sort()).toEqual([first, second].sort());
    await exchange();
    expect(await unreadableRows()).toEqual([]);
  });
});

test('any sealed column swapped with any other of another table makes these two fail alone', async () => {
  for (const one of sealedColumns.service_instances) {
    for (const table of ['service_bindings', 'operations'] as const) {
      for (const two of [...sealedColumns[table].map(inDatabase), 'data_key']) {
        const column = two === 'data_key' ? two : inDatabase(one);
        await expectRefusal({ table: 'service_instances', row: 0, column }, { table, row: 3, column: two });
      }
    }
  }
});
