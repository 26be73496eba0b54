import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeyFile, KeyFileError, loadKeyFile, parseKeyFile } from './key-file.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-file-'));
  path = join(folder, 'keys');
});
afterEach(() => rm(folder, { recursive: true }));

const line = (id: string, bytes = 32) => `${id}:${Buffer.alloc(bytes, id).toString('base64')}`;

test('the first key is the active one, comments and empty lines are skipped', () => {
  const keys = parseKeyFile(`# keys\n\n${line('second')}\r\n  ${line('first')}\n`, 'keys');
  expect(keys.activeId).toBe('second');
  expect(keys.ids).toEqual(['second', 'first']);
});

test.each([
  ['no key', '# nothing\n', /holds no key/],
  ['a short key', line('a', 31), /Line 1 .* "a" is not 32 bytes/],
  ['a long key', line('a', 33), /not 32 bytes/],
  ['what is no base64', `a:${'!'.repeat(44)}`, /not 32 bytes/],
  ['an id used twice', `${line('a')}\n${line('a')}`, /Line 2 .* "a" is used twice/],
  ['a line without id', Buffer.alloc(32).toString('base64'), /does not begin with an id/],
  ['an id with odd letters', line('a b'), /does not begin with an id/],
])('refuses %s and does not repeat the line', (_, text, message) => {
  expect(() => parseKeyFile(text, 'keys')).toThrow(KeyFileError);
  expect(() => parseKeyFile(text, 'keys')).toThrow(message);
  try {
    parseKeyFile(text, 'keys');
  } catch (thrown) {
    expect(String(thrown)).not.toContain(Buffer.alloc(16, 'a').toString('base64').slice(0, 12));
  }
});

test('a created file can be loaded, belongs to its owner alone and is never overwritten', async () => {
  await createKeyFile(path);
  const text = await readFile(path, 'utf8');
  expect((await loadKeyFile(path)).ids).toHaveLength(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(createKeyFile(path)).rejects.toThrow(/exists already/);
  expect(await readFile(path, 'utf8')).toBe(text);
  expect(await readdir(folder)).toEqual(['keys']);
});

test('a missing file and one that is no file are told apart', async () => {
  await expect(loadKeyFile(path)).rejects.toThrow(/does not exist/);
  await expect(loadKeyFile(folder)).rejects.toThrow(/cannot be read \(EISDIR\)/);
});
