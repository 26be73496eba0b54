import type { KeyRing } from '../lib/sealed.ts';
import { sealedTables } from './sealed-columns.ts';
import { query, type Session } from './session.ts';

/** The key file does not fit this database. The message says how to mend it. */
export class KeyMismatch extends Error {
  override readonly name = 'KeyMismatch';
}

/** A key that this database knows: one of the key file was written down when a Chandler first started with it. */
export interface KnownKey {
  id: string;
  canary: string;
}

/**
 * Checks every known key against its canary, and that no row needs a key that is missing; then writes down the
 * canaries of new keys. Run in a transaction, so that a refused key file leaves nothing behind.
 * @throws KeyMismatch
 */
export async function verifyKeys(session: Session, keys: KeyRing): Promise<void> {
  for (const id of keys.ids) {
    await session
      .db('encryption_keys')
      .insert({ id, canary: keys.createCanary(id) })
      .onConflict('id')
      .ignore();
  }
  for (const { id, canary } of await listKnownKeys(session)) {
    if (keys.has(id)) {
      if (!keys.opensCanary(id, canary)) {
        throw new KeyMismatch(
          `The key "${id}" in the key file is not the key "${id}" that this database was sealed with. ` +
            'Restore the key file that belongs to this database, or point DATABASE_URL at the database that belongs to this key file.',
        );
      }
    } else if (await isInUse(session, id)) {
      throw new KeyMismatch(
        `This database holds rows sealed with the key "${id}", which is not in the key file. ` +
          `Add the line of the key "${id}" from the backup of the key file; it need not be the first line.`,
      );
    }
  }
}

export function listKnownKeys(session: Session): Promise<KnownKey[]> {
  return query<KnownKey>(session, 'select id, canary from encryption_keys order by created_at, id');
}

async function isInUse(session: Session, id: string): Promise<boolean> {
  for (const table of sealedTables) {
    const row = await session.db(table).where({ key_id: id }).first('uid');
    if (row !== undefined) return true;
  }
  return false;
}
