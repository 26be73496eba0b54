/** The first errors that an admin meets, seen on the real process. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../../test/support/postgres.ts';
import { createKeyFile } from '../lib/key-file.ts';

const main = new URL('main.ts', import.meta.url).pathname;
const wrongUrl =
  'DATABASE_URL must be the URL of a Postgres database, for example postgres://user:password@host:5432/name.\n';
let folder: string;
let serving: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-main-'));
  serving = {
    CHANDLER_KEY_FILE: join(folder, 'key'),
    CHANDLER_USERNAME: 'admin',
    CHANDLER_PASSWORD: 'hunter2',
    CHANDLER_KUBECONFIG: join(folder, 'none'),
    CHANDLER_PORT: '0',
  };
  await createKeyFile(join(folder, 'key'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `chandler` until it ends. */
function chandler(
  words: string[],
  environment: Record<string, string> = {},
): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...words],
      { env: environment, timeout: 25_000 },
      (error, stdout, stderr) => {
        resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
      },
    );
  });
}

it('chandler --version is the version of the package', async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  expect(await chandler(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

describe('a command that needs Postgres', () => {
  it.each([
    ['absent', {}],
    ['no URL', { DATABASE_URL: 'foo' }],
    ['of another kind', { DATABASE_URL: 'mysql://root:hunter2@db/chandler' }],
  ])('says what DATABASE_URL must be when it is %s, as serve does', async (_, environment) => {
    const refused = { exitCode: 1, stdout: '', stderr: wrongUrl };
    expect(await chandler(['migrate'], environment)).toEqual(refused);
    expect(await chandler(['serve'], { ...serving, ...environment })).toEqual(refused);
  });

  it.each([['migrate'], ['serve'], ['serve --migrate']])(
    'says which Postgres is down, and not its password: %s',
    async (words) => {
      const environment = { ...serving, DATABASE_URL: 'postgres://chandler:hunter2@127.0.0.1:1/state' };
      expect(await chandler(words.split(' '), environment)).toEqual({
        exitCode: 1,
        stdout: '',
        stderr:
          'The Postgres at DATABASE_URL (127.0.0.1:1/state) cannot be used: connect ECONNREFUSED 127.0.0.1:1.\n',
      });
    },
  );
});

it('chandler serve on a database without a schema says how to make one', async () => {
  const empty = await createTestDatabase({ migrated: false });
  try {
    const { exitCode, stdout, stderr } = await chandler(['serve'], { ...serving, DATABASE_URL: empty.url });
    expect(stderr).toMatch(
      /^The database at DATABASE_URL \(\S+:\d+\/\w+\) has no schema yet, or an old one: run `chandler migrate`, or start with `chandler serve --migrate`\.\n$/,
    );
    expect([exitCode, stdout]).toEqual([1, '']);
    const migrated = await chandler(['migrate'], { DATABASE_URL: empty.url });
    expect(migrated).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ran 0001/) as string });
    expect((await chandler(['migrate'], { DATABASE_URL: empty.url })).stdout).toBe(
      'the schema is up to date\n',
    );
  } finally {
    await empty.drop();
  }
});
