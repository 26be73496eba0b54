import type { Knex } from 'knex';
import type { KeyRing } from '../lib/sealed.ts';

/** What a repository function needs: the pool or one transaction of it, the keys, and who we are. */
export interface Session {
  readonly db: Knex;
  readonly keys: KeyRing;
  readonly installationId: string;
}

/** Runs a statement with named bindings (`:name`) and gives its rows. */
export async function query<Row>(
  session: Session,
  sql: string,
  bindings: Record<string, Knex.RawBinding | readonly Knex.RawBinding[]> = {},
): Promise<Row[]> {
  const result = await session.db.raw<{ rows: Row[] }>(sql, bindings as Record<string, Knex.RawBinding>);
  return result.rows;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Row ids come from URLs and labels too; Postgres would refuse the whole statement over one that is no UUID. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** Text of outside systems for a text column: Postgres stores every character but U+0000. */
export function storableText(text: string): string {
  return text.replaceAll('\u0000', '');
}
