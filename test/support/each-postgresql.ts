/** Runs one suite against each PostgreSQL we support, and gives it instances and bindings to play with. */
import { Client, type QueryResult } from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { createPostgresqlProvider } from '../../src/credentials/postgresql.ts';
import type { BindingTarget, EngineTarget } from '../../src/credentials/types.ts';
import type { BindSpec } from '../../src/domain/offering.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { bindingName, instanceName } from '../../src/lib/names.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import {
  hasPostgresql,
  type PostgresqlServer,
  type PostgresqlVersion,
  startPostgresqlServer,
} from './postgresql-server.ts';

export const bindSpec: BindSpec = {
  ...{ engine: 'postgresql', admin: 'admin', connectionLimit: 10 },
  ...{ rotatable: true, requiresApp: false, attachments: {} },
};
export const provider = createPostgresqlProvider();

const versions: PostgresqlVersion[] = [15, 18];

/** Skips, visibly, a version that this machine does not have. */
export function describeEachPostgresql(name: string, suite: (bench: PostgresqlBench) => void): void {
  for (const version of versions) {
    describe.skipIf(!hasPostgresql(version))(`PostgreSQL ${version}: ${name}`, () => {
      const bench = new PostgresqlBench(version);
      beforeAll(() => bench.start(), 60_000);
      afterAll(() => bench.stop(), 60_000);
      suite(bench);
    });
  }
}

export interface Bound extends BindingTarget {
  instance: EngineTarget;
  uri: string;
  username: string;
  database: string;
}

let count = 0;

export class PostgresqlBench {
  readonly version: PostgresqlVersion;
  #server: PostgresqlServer | undefined;
  #clients: Client[] = [];

  constructor(version: PostgresqlVersion) {
    this.version = version;
  }

  async start(): Promise<void> {
    this.#server = await startPostgresqlServer(this.version);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.end()));
    await this.#server?.stop();
  }

  get server(): PostgresqlServer {
    if (this.#server === undefined) throw new Error('the server was not started');
    return this.#server;
  }

  /** An instance that nothing was made for yet. */
  newInstance(): Required<EngineTarget> {
    const { host, port, admin } = this.server;
    return { instanceName: instanceName(nameParts()), address: { host, port }, reach: { host, port }, admin };
  }

  newBinding(): BindingTarget {
    return { bindingName: bindingName(nameParts()), password: new Redacted(generatePassword()) };
  }

  async preparedInstance(): Promise<Required<EngineTarget>> {
    const instance = this.newInstance();
    await provider.prepare(bindSpec, instance);
    return instance;
  }

  async bind(instance: EngineTarget, binding: BindingTarget = this.newBinding()): Promise<Bound> {
    const made = (await provider.create(bindSpec, instance, binding)).reveal();
    return {
      ...binding,
      instance,
      uri: textOf(made, 'uri'),
      username: textOf(made, 'username'),
      database: textOf(made, 'database'),
    };
  }

  revoke(bound: Bound): Promise<void> {
    return provider.revoke(bindSpec, bound.instance, bound);
  }

  /** An app's connection, open until the suite ends. */
  async connect(uri: string): Promise<Client> {
    const client = new Client({ connectionString: uri });
    client.on('error', () => undefined);
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** Runs statements on one connection of an app; gives the result of the last. */
  async run(uri: string, ...statements: string[]): Promise<QueryResult> {
    const client = new Client({ connectionString: uri });
    await client.connect();
    try {
      for (const statement of statements.slice(0, -1)) await client.query(statement);
      return await client.query(statements.at(-1) ?? '');
    } finally {
      await client.end();
    }
  }

  /** The URI of the admin; the database is Chandler's maintenance database unless one is given. */
  adminUri(database = 'postgres'): string {
    const { host, port, admin } = this.server;
    return `postgresql://${admin.username}:${admin.password.reveal()}@${host}:${port}/${database}`;
  }

  /** Membership of binding roles that the admin holds beyond the ADMIN option that 16 and newer give a creator. */
  async adminMemberships(): Promise<string[]> {
    const { rows } = await this.server.asSuperuser(
      `select roleid::regrole::text as role from pg_auth_members
        where member = '${this.server.admin.username}'::regrole and not admin_option and roleid::regrole::text like 'b\\_%'`,
    );
    return rows.map((row: { role: string }) => row.role);
  }
}

/** An entry of credentials that must be text. */
export function textOf(entries: JsonObject, key: string): string {
  const value = entries[key];
  if (typeof value !== 'string') throw new Error(`${key} is not text`);
  return value;
}

function nameParts(): Parameters<typeof instanceName>[0] {
  count += 1;
  return { installationId: 'test', platform: 'test', osbId: String(count), incarnation: 1 };
}
