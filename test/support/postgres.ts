/** A database of its own for each test file, made from a migrated template in about a tenth of a second. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { ensureDevPostgres } from '../../src/start/dev-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Keeps the workers of a test run, and several runs, from making the template twice. */
const templateLock = 7_242_611_310;
/** Databases that killed test runs left behind are dropped after this. */
const leftBehindMs = 6 * 3_600_000;
const prefix = 'chandler_test_';

let serverUrl: Promise<string> | undefined;

/** The server: CHANDLER_TEST_DATABASE_URL or DATABASE_URL when set, else one of our own. */
function testServerUrl(): Promise<string> {
  const given = process.env.CHANDLER_TEST_DATABASE_URL ?? process.env.DATABASE_URL;
  serverUrl ??= given ? Promise.resolve(given) : ensureDevPostgres({ forTests: true }).then(({ url }) => url);
  return serverUrl;
}

/** A migrated database, or with `{ migrated: false }` an empty one. */
export async function createTestDatabase(options: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const server = await testServerUrl();
  const name = `${prefix}${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`;
  await withClient(server, async (admin) => {
    const template = options.migrated === false ? 'template0' : await ensureTemplate(admin, server);
    await admin.query(`create database ${name} template ${template}`);
  });
  return {
    url: databaseUrl(server, name),
    drop: () =>
      withClient(server, async (admin) => {
        await admin.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

/** A copy of a database as it is now, as a dump would be. Nobody may be connected to it meanwhile. */
export async function dumpDatabase(url: string): Promise<{ restore(): Promise<void> }> {
  const server = await testServerUrl();
  const name = new URL(url).pathname.slice(1);
  const dump = `${name}_dump`;
  await withClient(server, (admin) => admin.query(`create database ${dump} template ${name}`));
  return {
    /** In place of what the database holds by then. Once. */
    restore: () =>
      withClient(server, async (admin) => {
        await admin.query(`drop database ${name} with (force)`);
        await admin.query(`alter database ${dump} rename to ${name}`);
      }),
  };
}

/** Runs one statement on a connection of its own. */
export async function queryDatabase<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql, values)).rows);
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Named after the migrations, so that changed ones make another. Renamed when complete. */
async function ensureTemplate(admin: pg.Client, server: string): Promise<string> {
  const template = `chandler_template_${await migrationsDigest()}`;
  await admin.query('select pg_advisory_lock($1)', [templateLock]);
  try {
    const { rowCount } = await admin.query('select 1 from pg_database where datname = $1', [template]);
    if (rowCount === 0) {
      await dropLeftBehind(admin);
      const draft = `${template}_draft`;
      await admin.query(`drop database if exists ${draft} with (force)`);
      await admin.query(`create database ${draft} template template0`);
      await migrate(databaseUrl(server, draft));
      await admin.query(`alter database ${draft} rename to ${template}`);
    }
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [templateLock]);
  }
  return template;
}

async function migrationsDigest(): Promise<string> {
  const folder = new URL('../../migrations/', import.meta.url);
  const hash = createHash('sha256');
  for (const file of (await readdir(folder)).sort())
    hash.update(file).update(await readFile(new URL(file, folder)));
  return hash.digest('hex').slice(0, 16);
}

async function dropLeftBehind(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    'select datname from pg_database where datname like $1',
    [`${prefix.replaceAll('_', '\\_')}%`],
  );
  for (const { datname } of rows) {
    const madeAt = Number.parseInt(datname.slice(prefix.length), 36);
    if (Date.now() - madeAt > leftBehindMs)
      await admin.query(`drop database if exists ${datname} with (force)`);
  }
}
