import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { ServerLogin } from '../server-login.ts';
import { toServerError } from './server-error.ts';

/** An open connection, as far as the functions of this folder use one. */
export type Session = Pick<Client, 'query'>;

/** Exists on every server; only admins may connect to it. */
export const maintenanceDatabase = 'postgres';

const connectMs = 5_000;
const statementMs = 15_000;
const closeMs = 1_000;
// Longer than a session waits while others of ours hand over what a role owned.
const idleMs = 30_000;

// Settings of the start-up packet win over those of a database or a role, which belong to the tenant: without them a
// planted search_path makes our statements run the tenant's operators, a planted timeout or read-only default stops us.
const pinnedSettings = [
  'search_path=pg_catalog,pg_temp',
  `statement_timeout=${statementMs}`,
  'lock_timeout=3000',
  'idle_in_transaction_session_timeout=15000',
  // A process that stands still must not keep its lock from whoever took over.
  `idle_session_timeout=${idleMs}`,
  'default_transaction_read_only=off',
];

/**
 * Runs `work` on a connection of its own with the rights of the admin alone, and closes it.
 * @throws ChandlerError see {@link toServerError}
 */
export function asAdmin<T>(
  admin: ServerLogin,
  database: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return connected(admin, database, [...pinnedSettings, 'role=none'], work);
}

/**
 * Runs `work` as a binding: like {@link asAdmin}, but the role that the login takes on is the one set for it.
 * @throws ChandlerError see {@link toServerError}
 */
export function asBinding<T>(
  binding: ServerLogin,
  database: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return connected(binding, database, pinnedSettings, work);
}

/** Commits what `work` did, or rolls all of it back. */
export async function inTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query('begin');
  try {
    const result = await work();
    await session.query('commit');
    return result;
  } catch (thrown) {
    // A lost connection rolls back by itself, and what went wrong first is what matters.
    await session.query('rollback').catch(() => undefined);
    throw thrown;
  }
}

/**
 * Waits until no other session on the maintenance database works on this name, and keeps others out until the session
 * ends. Shared catalogs answer concurrent changes of one row with an error (XX000), not with a wait.
 */
export async function lockName(session: Session, name: string): Promise<void> {
  await session.query('set lock_timeout = 0');
  await session.query('select pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended($1, 0))', [name]);
  await session.query('reset lock_timeout');
}

async function connected<T>(
  login: ServerLogin,
  database: string,
  settings: readonly string[],
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const socket = new Socket();
  const client = new Client({
    host: login.host,
    port: login.port,
    user: login.username,
    password: login.password.reveal(),
    database,
    ssl: false,
    application_name: 'chandler',
    client_encoding: 'UTF8',
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs + connectMs,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    stream: () => socket,
  });
  // A connection that breaks between two queries fails the next one; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (thrown) {
    throw toServerError(thrown, login);
  } finally {
    // A server that no longer answers never confirms the goodbye.
    await Promise.race([client.end().catch(() => undefined), sleep(closeMs, undefined, { ref: false })]);
    socket.destroy();
  }
}
