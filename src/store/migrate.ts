import { readdir } from 'node:fs/promises';
import type { Knex } from 'knex';
import { guarded } from './database-errors.ts';
import { openDatabase } from './open-database.ts';

const folder = new URL('../../migrations/', import.meta.url);

/** Serialises migrators; released by Postgres itself when the session ends, however it ends. */
const advisoryLock = 7_242_611_309;

/** Node imports the .ts files itself; names are kept without the ending, so that a built file counts as the same one. */
const migrationSource: Knex.MigrationSource<string> = {
  async getMigrations() {
    const files = await readdir(folder);
    return files.filter((file) => /^\d{4}-[a-z0-9-]+\.(ts|js)$/.test(file)).sort();
  },
  getMigrationName: (file) => file.replace(/\.(ts|js)$/, ''),
  async getMigration(file): Promise<Knex.Migration> {
    const { up } = (await import(new URL(file, folder).href)) as Pick<Knex.Migration, 'up'>;
    return { up, down: refuseDown };
  },
};

/** A mistake is mended by a further migration: going back would drop what was promised to platforms. */
function refuseDown(): Promise<void> {
  return Promise.reject(new Error('migrations only go forward'));
}

/**
 * Brings the database to the newest schema. May run any number of times and at the same time in several processes.
 * A database that a newer Chandler migrated already is left as it is (migrations expand before they contract).
 * Needs a session: give the direct URL when Postgres is behind a transaction-mode pooler.
 * @returns names of the migrations it ran
 * @throws ChandlerError `StoreUnavailable` when Postgres cannot be reached
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const database = openDatabase({
    url: databaseUrl,
    applicationName: 'chandler migrate',
    // One connection, so that the lock and the migrations share a session. No time limit for queries: another
    // migrator may hold the lock for long, and so may a migration of large tables take.
    pool: { min: 1, max: 1 },
    migrations: { migrationSource, disableMigrationsListValidation: true },
  });
  try {
    return await guarded(async () => {
      await database.raw('select pg_advisory_lock(?)', [advisoryLock]);
      // knex's own lock is a row and would survive a killed migrator; ours makes it superfluous.
      await database.migrate.forceFreeMigrationsLock();
      const [, names] = (await database.migrate.latest()) as [number, string[]];
      return names.map((file) => migrationSource.getMigrationName(file));
    });
  } finally {
    await database.destroy();
  }
}
