/**
 * Brokers whose instances take a second: no pods, real helm, the real API server, and real logins on a PostgreSQL server
 * of the test's own, so that everything a kill may leave behind goes with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type BrokerHome, createBrokerHome } from './broker.ts';
import type { Login } from './cluster.ts';
import { type PostgresqlServer, startPostgresqlServer } from './postgresql-server.ts';

export const quickPlans = {
  small: { service_id: 'quick-service', plan_id: 'quick-small' },
  large: { service_id: 'quick-service', plan_id: 'quick-large' },
} as const;

export interface QuickHome extends Omit<BrokerHome, 'remove'> {
  /** The server on which all instances have their databases. */
  readonly server: PostgresqlServer;
  /** The logins of bindings that the server has now, whoever made them. */
  logins(): Promise<string[]>;
  /** Kills what still runs; drops the database of the brokers, and the server of the instances. */
  remove(): Promise<void>;
}

export interface QuickOptions {
  /** A server that other homes use too; whoever started it stops it. */
  server?: PostgresqlServer;
  /** Where brokers and apps find the server, when there is something in between. */
  through?: { host: string; port: number };
  /** For all brokers; see {@link createBrokerHome}. */
  environment?: Record<string, string>;
}

export async function createQuickHome(options: QuickOptions = {}): Promise<QuickHome> {
  const server = options.server ?? (await startPostgresqlServer(18));
  const { host, port } = options.through ?? server;
  const { username, password } = server.admin;
  const home = await createBrokerHome({
    CHANDLER_CATALOG: 'test/support/quick/catalog',
    CHANDLER_PLAN_SET: JSON.stringify({ server: { host, port, username, password: password.reveal() } }),
    ...options.environment,
  });
  return {
    ...home,
    server,
    async logins() {
      const { rows } = await server.asSuperuser(
        "select rolname as name from pg_roles where rolcanlogin and rolname like 'b\\_%' order by 1",
      );
      return (rows as { name: string }[]).map(({ name }) => name);
    },
    async remove() {
      await home.remove();
      if (options.server === undefined) await server.stop();
    },
  };
}

/** What PostgreSQL says to a login that it does not know, that may not log in, or whose database is gone. */
const refusals = new Set(['28P01', '28000', '3D000', '42501']);

/**
 * Whether a login of a binding works: by logging in.
 * @throws what the server said, when that says nothing about the login: too many connections, out of breath
 */
export async function canLogIn({ host, port, username, password, database }: Login): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const client = new Client({
      ...{ host, port, database, user: username, password },
      connectionTimeoutMillis: 10_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch (thrown) {
      if (refusals.has(thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '')) return false;
      if (attempt === 5) throw thrown;
      await sleep(500);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
