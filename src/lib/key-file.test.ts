import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { activateKey, addKey, createKeyFile, KeyFileError, loadKeyFile, parseKeyFile } from './key-file.ts';

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

describe('a key file in use', () => {
  const text = `# keep\n\n${line('old')}\r\n# retired\n  ${line('older')}`;

  test('gets a further key below the others, and is otherwise as it was', async () => {
    await writeFile(path, text, { mode: 0o600 });
    await chmod(path, 0o640);
    const added = await addKey(path);
    const keys = await loadKeyFile(path);
    expect(keys.ids).toEqual(['old', 'older', added]);
    expect(keys.activeId).toBe('old');
    const changed = await readFile(path, 'utf8');
    expect(changed.startsWith(`# keep\n\n${line('old')}\n# retired\n  ${line('older')}\n${added}:`)).toBe(
      true,
    );
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder)).toEqual(['keys']);
  });

  test('seals with the key that is activated, and keeps all of them', async () => {
    await writeFile(path, text);
    await activateKey(path, 'older');
    expect((await loadKeyFile(path)).ids).toEqual(['older', 'old']);
    await activateKey(path, 'older');
    expect((await loadKeyFile(path)).ids).toEqual(['older', 'old']);
    expect(await readFile(path, 'utf8')).toContain('# keep');
    await activateKey(path, 'old');
    expect((await loadKeyFile(path)).ids).toEqual(['old', 'older']);
  });

  test('is left alone when it has no such key, or does not hold keys', async () => {
    await writeFile(path, text);
    for (const id of ['none', 'ol', '# retired', '']) {
      await expect(activateKey(path, id)).rejects.toThrow(`The key file ${path} holds no key "${id}".`);
    }
    expect(await readFile(path, 'utf8')).toBe(text);
    await writeFile(path, 'nonsense');
    await expect(addKey(path)).rejects.toThrow(/Line 1 .* does not begin with an id/);
    await expect(addKey(join(folder, 'none'))).rejects.toThrow(/does not exist/);
    expect(await readdir(folder)).toEqual(['keys']);
  });

  test('is changed by one command at a time: no key that was added is lost', async () => {
    await writeFile(path, text);
    const results = await Promise.allSettled([addKey(path), addKey(path), addKey(path)]);
    const added = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const { ids } = await loadKeyFile(path);
    expect(added.length).toBeGreaterThan(0);
    expect(new Set(ids)).toEqual(new Set(['old', 'older', ...added]));
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toMatch(/is being changed by another/);
    }
  });

  test('says what a killed command left beside it', async () => {
    await writeFile(path, text);
    await writeFile(`${path}.draft`, '');
    await expect(addKey(path)).rejects.toThrow(/delete what it left, the file ending in \.draft beside it/);
    expect(await readdir(folder)).toEqual(['keys', 'keys.draft']);
  });

  test('may be reached through a link, which stays one', async () => {
    await writeFile(path, text);
    const link = join(folder, 'link');
    await symlink(path, link);
    await addKey(link);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await loadKeyFile(path)).ids).toHaveLength(3);
  });
});
