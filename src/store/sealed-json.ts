/** JSON in and out of sealed columns. What comes out was put in by us, under a key that only we hold. */
import type { JsonObject } from '../lib/json.ts';
import type { RowSeal } from '../lib/sealed.ts';
import { query, type Session } from './session.ts';

export function sealJson(seal: RowSeal, column: string, value: object): string {
  return seal.seal(column, JSON.stringify(value));
}

export function unsealJson<T extends object = JsonObject>(seal: RowSeal, column: string, sealed: string): T {
  return JSON.parse(seal.unseal(column, sealed)) as T;
}

/**
 * The seal of a row that exists, to write a sealed column of it anew. The row is locked, so that no rewrap of its data
 * key comes between.
 * @returns undefined when there is no such row
 */
export async function lockSeal(session: Session, table: string, uid: string): Promise<RowSeal | undefined> {
  const [row] = await query<{ data_key: string }>(
    session,
    `select data_key from ${table} where uid = :uid for no key update`,
    { uid },
  );
  return row === undefined ? undefined : session.keys.openSeal(row.data_key, table, uid);
}
