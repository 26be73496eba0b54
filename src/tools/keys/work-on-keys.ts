import { loadKeyFile } from '../../lib/key-file.ts';
import type { Redacted } from '../../lib/redacted.ts';
import { type KeyAdmin, openKeyAdmin } from '../../store/open-key-admin.ts';

/** Where the keys and what they seal are. */
export interface KeySettings {
  databaseUrl: Redacted<string>;
  keyFile: string;
}

/** @throws KeyFileError */
export async function workOnKeys<T>(
  { databaseUrl, keyFile }: KeySettings,
  work: (admin: KeyAdmin) => Promise<T>,
): Promise<T> {
  const admin = openKeyAdmin({ databaseUrl: databaseUrl.reveal(), keys: await loadKeyFile(keyFile) });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}
