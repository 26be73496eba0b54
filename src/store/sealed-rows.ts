/**
 * Rows as those see them who care for keys: which key wraps their data keys, and whether they open. What wraps a data
 * key is told by the data key itself; `key_id` repeats it for indexes.
 */
import { UnsealError } from '../lib/sealed.ts';
import { type SealedTable, sealedColumns, sealedTables } from './sealed-columns.ts';
import { query, type Session } from './session.ts';

/** Rows of one table whose data keys are wrapped by one key. */
export interface RowCount {
  table: SealedTable;
  keyId: string;
  rows: number;
  /** Those of them whose `key_id` says otherwise; only a hand in the database makes such rows. */
  mislabelled: number;
}

/** A row that does not open, and why; the reason never holds what is sealed. */
export interface UnreadableRow {
  table: SealedTable;
  uid: string;
  reason: string;
}

/** How far a walk through a table has come. */
export interface WalkedBatch {
  /** Where the next batch begins; undefined at the end of the table. */
  last: string | undefined;
  /** Rows that were opened; in a rewrap also wrapped by the active key. */
  done: number;
  unreadable: UnreadableRow[];
}

interface SealedRow {
  uid: string;
  data_key: string;
  cells: Record<string, string | null>;
}

const wrappingKey = `split_part(data_key, ':', 2)`;
const needsRewrap = `(key_id <> :active or ${wrappingKey} <> :active)`;

export async function countRows(session: Session): Promise<RowCount[]> {
  const counts: RowCount[] = [];
  for (const table of sealedTables) {
    const found = await query<{ id: string; rows: number; mislabelled: number }>(
      session,
      `select ${wrappingKey} as id, count(*)::int as rows,
              (count(*) filter (where key_id <> ${wrappingKey}))::int as mislabelled
       from ${table} where data_key is not null group by 1 order by 1`,
    );
    for (const { id, ...count } of found) counts.push({ table, keyId: id, ...count });
  }
  return counts;
}

/** Rows whose data key is not wrapped by the active key, or whose `key_id` names another one. */
export async function countOutdated(session: Session): Promise<number> {
  let rows = 0;
  for (const table of sealedTables) {
    const [found] = await query<{ rows: number }>(
      session,
      `select count(*)::int as rows from ${table} where data_key is not null and ${needsRewrap}`,
      { active: session.keys.activeId },
    );
    rows += found?.rows ?? 0;
  }
  return rows;
}

/** Opens every sealed column of the next rows of a table. */
export async function openBatch(
  session: Session,
  table: SealedTable,
  after: string | undefined,
  size: number,
): Promise<WalkedBatch> {
  const rows = await nextRows(session, table, 'true', '', { after, size });
  const unreadable: UnreadableRow[] = [];
  for (const row of rows) {
    const fault = faultOf(table, row, () => session.keys.openSeal(row.data_key, table, row.uid));
    if (fault !== undefined) unreadable.push(fault);
  }
  return { last: rows.at(-1)?.uid, done: rows.length - unreadable.length, unreadable };
}

/**
 * Wraps the data keys of the next rows anew, with the active key. Run it in a transaction of its own. It waits for no
 * lock while it holds some, so it is in nobody's way for longer than the batch takes: rows that others hold are left
 * for a later walk. A row is written only when all of it opens from the new wrap.
 */
export async function rewrapBatch(
  session: Session,
  table: SealedTable,
  after: string | undefined,
  size: number,
): Promise<WalkedBatch> {
  const rows = await nextRows(session, table, needsRewrap, 'for no key update skip locked', { after, size });
  const unreadable: UnreadableRow[] = [];
  const rewrapped: RewrappedRow[] = [];
  for (const row of rows) {
    let wrappedKey = '';
    const fault = faultOf(table, row, () => {
      const seal = session.keys.rewrap(row.data_key, table, row.uid);
      wrappedKey = seal.wrappedKey;
      return seal;
    });
    if (fault === undefined) rewrapped.push({ uid: row.uid, before: row.data_key, after: wrappedKey });
    else unreadable.push(fault);
  }
  const done = await writeDataKeys(session, table, rewrapped);
  return { last: rows.at(-1)?.uid, done, unreadable };
}

interface RewrappedRow {
  uid: string;
  /** What wrapped the data key when the row was read. */
  before: string;
  after: string;
}

/** @returns how many rows it wrote; a row whose data key is another one by now stays as it is */
export async function writeDataKeys(
  session: Session,
  table: SealedTable,
  rows: readonly RewrappedRow[],
): Promise<number> {
  const written = await query(
    session,
    `update ${table} target set key_id = :active, data_key = fresh.after
     from unnest(:uids::uuid[], :befores::text[], :afters::text[]) as fresh (uid, before, after)
     where target.uid = fresh.uid and target.data_key = fresh.before
     returning target.uid`,
    {
      active: session.keys.activeId,
      uids: rows.map(({ uid }) => uid),
      befores: rows.map(({ before }) => before),
      afters: rows.map(({ after }) => after),
    },
  );
  return written.length;
}

function nextRows(
  session: Session,
  table: SealedTable,
  condition: string,
  lock: string,
  { after, size }: { after: string | undefined; size: number },
): Promise<SealedRow[]> {
  const cells = sealedColumns[table].map((column) => `'${column}', ${column}_sealed`).join(', ');
  return query<SealedRow>(
    session,
    `select uid, data_key, json_build_object(${cells}) as cells from ${table}
     where data_key is not null and (:after::uuid is null or uid > :after::uuid) and ${condition}
     order by uid limit :size ${lock}`,
    { after: after ?? null, size, active: session.keys.activeId },
  );
}

/** Opens all cells of the row with the seal. */
function faultOf(
  table: SealedTable,
  row: SealedRow,
  openSeal: () => { unseal(column: string, sealed: string): string },
): UnreadableRow | undefined {
  try {
    const seal = openSeal();
    for (const [column, sealed] of Object.entries(row.cells)) {
      if (sealed !== null) seal.unseal(column, sealed);
    }
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof UnsealError)) throw thrown;
    return { table, uid: row.uid, reason: thrown.message };
  }
}
