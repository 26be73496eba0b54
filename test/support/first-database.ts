import { up } from '../../migrations/0001-first-tables.ts';
import { openDatabase } from '../../src/store/open-database.ts';

/** Brings an empty database to the tables of the first release, as its migrator left them. */
export async function makeFirstTables(url: string): Promise<void> {
  const knex = openDatabase({ url, applicationName: 'test', pool: { min: 0, max: 1 } });
  try {
    await up(knex);
    await knex.raw(`
      create table knex_migrations (id serial primary key, name text, batch integer, migration_time timestamptz);
      insert into knex_migrations (name, batch, migration_time) values ('0001-first-tables', 1, now())`);
  } finally {
    await knex.destroy();
  }
}
