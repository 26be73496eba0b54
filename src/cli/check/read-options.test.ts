import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawOptions, readOptions, WrongUsage } from './read-options.ts';

const usual: RawOptions = {
  namespace: 'default',
  requestTimeout: 60,
  pollInterval: 1,
  parallel: 4,
  race: 10,
  failOn: 'client',
};
const inUrl = 'https://ann:p%40ss%25@broker.example/base';
const environment = { CHANDLER_CHECK_USERNAME: 'env', CHANDLER_CHECK_PASSWORD: 'env-pass' };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-check-options-'));
  await writeFile(join(folder, 'secret'), 'from file\r\n');
  await writeFile(join(folder, 'empty'), '\n');
  await writeFile(join(folder, 'json'), '{"a": 1}\n');
});
afterAll(() => rm(folder, { recursive: true }));

const read = (url: string | undefined, raw: Partial<RawOptions> = {}, env: Record<string, string> = {}) =>
  readOptions(url, { ...usual, ...raw }, env);

it('has milliseconds where people write seconds, and no more than was asked for', async () => {
  expect(await read('http://broker.example')).toEqual({
    options: {
      url: new URL('http://broker.example'),
      username: undefined,
      password: undefined,
      token: undefined,
      caFile: undefined,
      insecure: false,
      requestTimeoutMs: 60_000,
      platform: undefined,
      plans: [],
      parameters: undefined,
      updateParameters: [],
      bindParameters: undefined,
      context: {},
      namespace: 'default',
      only: [],
      skip: [],
      operationMs: undefined,
      pollMs: 1000,
      parallel: 4,
      raceWidth: 10,
    },
    failOn: 'client',
    verbose: false,
    json: 'nowhere',
    junit: 'nowhere',
  });
  expect((await read('http://x', { timeout: 0.5 })).options.operationMs).toBe(500);
});

describe('credentials', () => {
  it('in the URL are taken out of it', async () => {
    const { options } = await read(inUrl, {}, environment);
    expect(options).toMatchObject({ username: 'ann', password: 'p@ss%' });
    expect(options.url.href).toBe('https://broker.example/base');
  });

  it('of options go before those in the URL, and those before the environment', async () => {
    const file = join(folder, 'secret');
    expect((await read(inUrl, { username: 'o', passwordFile: file }, environment)).options).toMatchObject({
      username: 'o',
      password: 'from file',
    });
    expect((await read('http://x', {}, environment)).options).toMatchObject({
      username: 'env',
      password: 'env-pass',
    });
    expect((await read('http://x', { username: 'o', password: '' })).options.password).toBe('');
  });

  it('are a token where a file has one', async () => {
    const { options } = await read(inUrl, { tokenFile: join(folder, 'secret') }, environment);
    expect(options).toMatchObject({ username: undefined, password: undefined, token: 'from file' });
    expect(options.url.href).not.toContain('ann');
  });

  it.each([
    [{ username: 'o' }, /no password/],
    [{ password: 'o' }, /no user name/],
    [{ username: 'o', passwordFile: '/nowhere/at/all' }, /^--password-file: ENOENT/],
    [{ tokenFile: '/nowhere/at/all' }, /^--token-file: ENOENT/],
    [{ caFile: '/nowhere/at/all' }, /^--ca-file: ENOENT/],
  ])('that are half there or cannot be read are told: %j', async (raw, why) => {
    await expect(read('http://x', raw)).rejects.toThrow(why);
    await expect(read('http://x', raw)).rejects.toBeInstanceOf(WrongUsage);
  });

  it('are not an empty file', async () => {
    await expect(read('http://x', { tokenFile: join(folder, 'empty') })).rejects.toThrow(/empty is empty/);
  });
});

it.each([['ftp://x'], ['x'], ['http://user:hunter2@'], ['http://x?a=b'], ['http://x#a']])(
  '%s is no URL of a broker, and is not repeated',
  async (url) => {
    await expect(read(url)).rejects.toThrow(/^The URL must be like https:\/\/broker\.example or \S+\.$/);
  },
);

describe('JSON', () => {
  it('is taken as it is or from a file', async () => {
    const raw = {
      parameters: '{"a": [1]}',
      updateParameters: [`@${join(folder, 'json')}`, '{}'],
      bindParameters: '{}',
      context: '{"b": null}',
    };
    expect((await read('http://x', raw)).options).toMatchObject({
      parameters: { a: [1] },
      updateParameters: [{ a: 1 }, {}],
      bindParameters: {},
      context: { b: null },
    });
  });

  it.each([
    ['{', /^--context must be a JSON object, .* is no JSON\.$/],
    ['[1]', /^--context must be a JSON object, .* but no object\.$/],
    ['@/nowhere/at/all', /^--context: ENOENT/],
  ])('%s is refused', async (context, why) => {
    await expect(read('http://x', { context })).rejects.toThrow(why);
  });
});

describe('reports', () => {
  it('go to stdout or to a file, and a URL after --json is the URL', async () => {
    const file = join(folder, 'report.xml');
    expect(await read('http://x', { json: true, junit: file })).toMatchObject({
      json: 'stdout',
      junit: { file },
    });
    const { options, json } = await read(undefined, { json: 'http://x/' });
    expect([options.url.href, json]).toEqual(['http://x/', 'stdout']);
  });

  it.each([
    [{ json: true, junit: '-' } as const, /cannot both print to stdout/],
    [{ json: '/nowhere/at/all' }, /^--json: ENOENT/],
  ])('that have nowhere to go are told before the run: %j', async (raw, why) => {
    await expect(read('http://x', raw)).rejects.toThrow(why);
  });
});
