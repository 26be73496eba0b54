import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import { type DevPostgres, ensureDevPostgres } from './dev-postgres.ts';

/** One data folder for all, since initdb takes seconds. */
let dataFolder: string;
let server: DevPostgres | undefined;

beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'dev-postgres-'));
  // mkdtemp keeps others out; the server's user must get through.
  await chmod(dataFolder, 0o755);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => rm(dataFolder, { recursive: true }));

async function ensure(): Promise<DevPostgres> {
  server = await ensureDevPostgres({ dataFolder, forTests: true });
  return server;
}

const pidFile = () => join(dataFolder, 'server', 'data', 'postmaster.pid');
const portOf = ({ url }: DevPostgres) => new URL(url).port;
async function answers(url: string): Promise<boolean> {
  const rows = await queryDatabase(url, 'select 1');
  return rows.length === 1;
}

test('callers at once get the same server, also after an initdb that was killed half-way', async () => {
  const draft = join(dataFolder, 'server', 'data.draft');
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, 'PG_VERSION'), '18');
  const servers = await Promise.all([1, 2, 3].map(() => ensure()));
  expect(new Set(servers.map(({ url }) => url)).size).toBe(1);
  expect(servers.map(({ alreadyRunning }) => alreadyRunning).sort()).toEqual([false, true, true]);
}, 60_000);

test('it outlives the process that started it, is joined by the next one, and keeps port and data', async () => {
  const program = `
    import { ensureDevPostgres } from ${JSON.stringify(new URL('./dev-postgres.ts', import.meta.url).href)};
    const { url, alreadyRunning } = await ensureDevPostgres({ dataFolder: ${JSON.stringify(dataFolder)}, forTests: true });
    console.log(JSON.stringify({ url, alreadyRunning }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const started = JSON.parse(stdout) as Pick<DevPostgres, 'url' | 'alreadyRunning'>;
  expect(started.alreadyRunning).toBe(false);

  const joined = await ensure();
  expect(joined).toMatchObject({ url: started.url, alreadyRunning: true });
  await queryDatabase(joined.url, 'create table kept ()');

  await joined.stop();
  await expect(answers(joined.url)).rejects.toThrow();
  const again = await ensure();
  expect(again).toMatchObject({ url: started.url, alreadyRunning: false });
  expect(await queryDatabase(again.url, 'select * from kept')).toEqual([]);
  expect((await stat(join(dataFolder, 'password'))).mode & 0o777).toBe(0o600);
}, 60_000);

test('a server that was killed is started again, although its pid is now that of another process', async () => {
  const first = await ensure();
  const text = await readFile(pidFile(), 'utf8');
  const pid = Number(text.split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => answers(first.url).catch(() => false)).toBe(false);

  // As after a restart of the machine: the file is there, its pid is alive and belongs to somebody else.
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore', uid: (await stat(pidFile())).uid });
  try {
    await writeFile(pidFile(), text.replace(String(pid), String(stranger.pid)));
    const second = await ensure();
    expect(second.alreadyRunning).toBe(false);
    expect(await answers(second.url)).toBe(true);
    expect(stranger.exitCode).toBeNull();
  } finally {
    stranger.kill();
  }
}, 60_000);

test('a remembered port that somebody else took meanwhile is given up', async () => {
  const first = await ensure();
  await first.stop();
  const squatter = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => squatter.listen(Number(portOf(first)), '127.0.0.1', resolve));
  try {
    const second = await ensure();
    expect(portOf(second)).not.toBe(portOf(first));
    expect(await answers(second.url)).toBe(true);
  } finally {
    squatter.close();
  }
}, 60_000);
