import knex, { type Knex } from 'knex';

export interface DatabaseOptions {
  url: string;
  applicationName: string;
  pool: Knex.PoolConfig;
  migrations?: Knex.MigratorConfig;
}

const ignore = (): void => undefined;

/** A knex that says what it has to say in what it throws: no log of its own, no bound values in messages. */
export function openDatabase(options: DatabaseOptions): Knex {
  return knex({
    client: 'pg',
    connection: {
      connectionString: options.url,
      connectionTimeoutMillis: 5_000,
      application_name: options.applicationName,
      keepAlive: true,
    },
    pool: options.pool,
    acquireConnectionTimeout: 10_000,
    compileSqlOnError: false,
    log: { warn: ignore, error: ignore, debug: ignore, deprecate: ignore },
    ...(options.migrations === undefined ? {} : { migrations: options.migrations }),
  });
}
