/** Real PostgreSQL servers for tests, set up as an operator sets up a server that Chandler may use. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, type QueryResult } from 'pg';
import { scramVerifier } from '../../src/engines/postgresql/scram-verifier.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { installPostgresBinaries } from '../../src/start/postgres-binaries.ts';
import { withProcessLock } from '../../src/start/process-lock.ts';

/** 15 is the oldest we support and comes from Debian; 18 comes from npm. They differ in who may use a role. */
export type PostgresqlVersion = 15 | 18;

export interface PostgresqlServer {
  host: string;
  port: number;
  /** Not a superuser: CREATEROLE, CREATEDB and membership of pg_signal_backend. */
  admin: { username: string; password: Redacted<string> };
  /** Runs one statement as the superuser, over the unix socket. */
  asSuperuser(statement: string, database?: string): Promise<QueryResult>;
  /** All that the server has logged; `log_statement` is `all`. */
  log(): Promise<string>;
  /** Stops the server and deletes its files. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const host = '127.0.0.1';
const superuser = 'postgres';
const debianHome = '/usr/lib/postgresql/15';
// Postgres refuses to run as root; `nobody` has the same id everywhere.
const otherUser = { uid: 65_534, gid: 65_534 };
// What a test plants in a database must not reach the superuser that looks at it.
const ownSettings =
  '-c search_path=pg_catalog,pg_temp -c statement_timeout=0 -c default_transaction_read_only=off';
const isRoot = process.getuid?.() === 0;

/** Whether this machine holds that version, so that its tests can say that they were skipped. */
export function hasPostgresql(version: PostgresqlVersion): boolean {
  return version === 18 || existsSync(join(debianHome, 'bin', 'initdb'));
}

/** Starts an empty server on a random port of the loopback interface, with files of its own below the temp folder. */
export async function startPostgresqlServer(version: PostgresqlVersion): Promise<PostgresqlServer> {
  const bin = join(await reachableHome(version), 'bin');
  const folder = await mkdtemp(join(tmpdir(), 'chandler-pg-'));
  let postmaster: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (postmaster !== undefined && isRunning(postmaster)) {
      const exited = once(postmaster, 'exit');
      postmaster.kill('SIGINT');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const data = join(folder, 'data');
    if (isRoot) await chown(folder, otherUser.uid, otherUser.gid);
    const initdb = [
      ...[join(bin, 'initdb'), '--pgdata', data, '--username', superuser, '--auth', 'trust'],
      ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
    ];
    const [initdbCommand = '', ...initdbArguments] = asOtherUser(initdb);
    await run(initdbCommand, initdbArguments, { cwd: folder });
    await writeAccessRules(data);

    const logPath = join(folder, 'server.log');
    let port = 0;
    // Somebody else may take the port between the moment it was free and the moment the server wants it.
    for (let attempt = 1; postmaster === undefined || !isRunning(postmaster); attempt += 1) {
      if (attempt > 3) throw new Error(`the server did not start:\n${await readFile(logPath, 'utf8')}`);
      port = await freePort();
      postmaster = await launch({ bin, data, folder, port, logPath });
    }
    const asSuperuser = (statement: string, database?: string) =>
      queryAsSuperuser({ folder, port }, statement, database);
    const admin = { username: 'chandler_admin', password: new Redacted(generatePassword()) };
    await setUp(asSuperuser, admin);
    return { host, port, admin, asSuperuser, log: () => readFile(logPath, 'utf8'), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** What an operator does once on a server that Chandler may use. */
async function setUp(
  asSuperuser: PostgresqlServer['asSuperuser'],
  admin: PostgresqlServer['admin'],
): Promise<void> {
  await asSuperuser(
    `create role ${admin.username} login createrole createdb password '${await scramVerifier(admin.password)}'`,
  );
  await asSuperuser(`grant pg_signal_backend to ${admin.username}`);
  await asSuperuser('revoke connect, temporary on database postgres, template1 from public');
  await asSuperuser(`grant connect on database postgres to ${admin.username}`);
  await asSuperuser("alter system set log_statement = 'all'");
  await asSuperuser('select pg_reload_conf()');
}

/** A folder of npm may lie below one that only root can enter: the development server's copy serves tests too. */
async function reachableHome(version: PostgresqlVersion): Promise<string> {
  if (version === 15) return debianHome;
  const state = isRoot
    ? '/var/lib/chandler'
    : join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'chandler');
  return withProcessLock(`postgres ${state}`, () => installPostgresBinaries(state, () => undefined));
}

/** On Linux the server also dies with the process that started it, however that ends. */
function asOtherUser(command: string[]): string[] {
  if (process.platform !== 'linux') return command;
  const identity = isRoot
    ? [`--reuid=${otherUser.uid}`, `--regid=${otherUser.gid}`, '--clear-groups', '--reset-env']
    : [];
  return ['setpriv', ...identity, '--pdeathsig', 'INT', ...command];
}

async function writeAccessRules(data: string): Promise<void> {
  const rules = await open(join(data, 'pg_hba.conf'), 'w');
  await rules.writeFile(
    [
      `local all ${superuser} trust`,
      `host all ${superuser} ${host}/32 reject`,
      `host all all ${host}/32 scram-sha-256`,
      '',
    ].join('\n'),
  );
  await rules.close();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Launch {
  bin: string;
  data: string;
  folder: string;
  port: number;
  logPath: string;
}

/** The server process, once it answers or has exited. */
async function launch({ bin, data, folder, port, logPath }: Launch): Promise<ChildProcess> {
  const log = await open(logPath, 'a');
  const settings = ['fsync=off', 'max_connections=150', `listen_addresses=${host}`, `port=${port}`];
  const [command = '', ...commandArguments] = asOtherUser([
    ...[join(bin, 'postgres'), '-D', data, '-k', folder],
    ...settings.flatMap((setting) => ['-c', setting]),
  ]);
  const postmaster = spawn(command, commandArguments, { cwd: folder, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  while (isRunning(postmaster)) {
    try {
      await queryAsSuperuser({ folder, port }, 'select 1');
      break;
    } catch {
      await sleep(50);
    }
  }
  return postmaster;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function queryAsSuperuser(
  { folder, port }: Pick<Launch, 'folder' | 'port'>,
  statement: string,
  database = superuser,
): Promise<QueryResult> {
  const client = new Client({ host: folder, port, user: superuser, database, options: ownSettings });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
