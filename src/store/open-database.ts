import knex, { type Knex } from 'knex';
import type pg from 'pg';
import { isReadTimeout } from './database-errors.ts';

export interface DatabaseOptions {
  url: string;
  applicationName: string;
  pool: { min: number; max: number };
  /** Statements that every new connection runs first. */
  sessionSettings?: string;
  /** How long an answer may take, in milliseconds; without it queries wait for ever. */
  queryTimeoutMs?: number;
  migrations?: Knex.MigratorConfig;
}

/**
 * By SET and not at connection start, which poolers refuse. No transaction of ours takes longer than moments, and one
 * whose process stands still keeps its rows locked, so that nobody takes over: not for longer than a usual lease.
 */
export const sessionSettings = `
  set statement_timeout = '15s';
  set lock_timeout = '10s';
  set idle_in_transaction_session_timeout = '10s';
`;
/** Longer than `statement_timeout`: only a network or a server that swallows everything takes so long. */
export const defaultQueryTimeoutMs = 20_000;

type Callback = (error: Error | null, result?: unknown) => void;
/** A connection as knex uses it: with callbacks. */
interface CallbackConnection {
  query(config: string | pg.QueryConfig, done: Callback): void;
  emit: pg.Client['emit'];
  end: pg.Client['end'];
}

const ignore = (): void => undefined;

/** A knex that says what it has to say in what it throws: no log of its own, no bound values in messages. */
export function openDatabase(options: DatabaseOptions): Knex {
  const { sessionSettings, queryTimeoutMs } = options;
  return knex({
    client: 'pg',
    connection: {
      connectionString: options.url,
      connectionTimeoutMillis: 5_000,
      application_name: options.applicationName,
      keepAlive: true,
      ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    },
    pool: {
      ...options.pool,
      afterCreate: (connection: CallbackConnection, done: Callback) => {
        endWhenSilent(connection);
        if (sessionSettings === undefined) done(null, connection);
        else connection.query(sessionSettings, (error) => done(error, connection));
      },
    },
    acquireConnectionTimeout: 10_000,
    compileSqlOnError: false,
    log: { warn: ignore, error: ignore, debug: ignore, deprecate: ignore },
    ...(options.migrations === undefined ? {} : { migrations: options.migrations }),
  });
}

/**
 * A query that got no answer in time stays at the head of its connection's queue, so that every later one would wait
 * in vain behind it. The event makes knex open another connection; the end fails what is queued, a rollback included.
 */
function endWhenSilent(connection: CallbackConnection): void {
  const query = connection.query.bind(connection);
  connection.query = (config, done) => {
    query(config, (error, result) => {
      if (error !== null && isReadTimeout(error)) {
        connection.emit('error', error);
        void connection.end();
      }
      done(error, result);
    });
  };
}
