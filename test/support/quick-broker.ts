/**
 * Brokers whose instances take a second: no pods, real helm, the real API server, and real logins on a PostgreSQL server
 * of the test's own, so that everything a kill may leave behind goes with it.
 */
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

/** @param shared a server that other homes use too; whoever started it stops it */
export async function createQuickHome(shared?: PostgresqlServer): Promise<QuickHome> {
  const [home, server] = await Promise.all([createBrokerHome(), shared ?? startPostgresqlServer(18)]);
  const { host, port, admin } = server;
  const quick = {
    CHANDLER_CATALOG: 'test/support/quick/catalog',
    CHANDLER_PLAN_SET: JSON.stringify({
      server: { host, port, username: admin.username, password: admin.password.reveal() },
    }),
  };
  return {
    ...home,
    server,
    start: (environment = {}) => home.start({ ...quick, ...environment }),
    startAndFail: (environment) => home.startAndFail({ ...quick, ...environment }),
    async logins() {
      const { rows } = await server.asSuperuser(
        "select rolname as name from pg_roles where rolcanlogin and rolname like 'b\\_%' order by 1",
      );
      return (rows as { name: string }[]).map(({ name }) => name);
    },
    async remove() {
      await home.remove();
      if (shared === undefined) await server.stop();
    },
  };
}

/** Whether a login of a binding works: by logging in. */
export async function canLogIn({ host, port, username, password, database }: Login): Promise<boolean> {
  const client = new Client({
    host,
    port,
    user: username,
    password,
    database,
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
