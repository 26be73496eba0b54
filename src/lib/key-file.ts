/**
 * The key file: one `id:base64 of 32 bytes` per line, `#` begins a comment line. The first key is the active one; the
 * others only open what they sealed once. To rotate, first add the new key as the last line for every replica, then
 * move it to the top.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KeyEncryptionKey, KeyRing } from './sealed.ts';

/** A key file that cannot be used; the message says how to mend it and never holds a key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

const idPattern = /^[A-Za-z0-9._-]{1,64}$/;
const base64Pattern = /^[A-Za-z0-9+/]{43}=$/;

/**
 * @param path named in errors only
 * @throws KeyFileError
 */
export function parseKeyFile(text: string, path: string): KeyRing {
  const keys: KeyEncryptionKey[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const id = line.slice(0, Math.max(colon, 0));
    const encoded = line.slice(colon + 1).trim();
    const where = `Line ${index + 1} of the key file ${path}`;
    if (!idPattern.test(id)) {
      throw new KeyFileError(
        `${where} does not begin with an id and a colon (letters, digits, ".", "_", "-").`,
      );
    }
    if (!base64Pattern.test(encoded)) {
      throw new KeyFileError(`${where}: the key "${id}" is not 32 bytes in base64 (44 characters).`);
    }
    if (keys.some((key) => key.id === id)) throw new KeyFileError(`${where}: the id "${id}" is used twice.`);
    keys.push({ id, key: Buffer.from(encoded, 'base64') });
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new KeyFileError(`The key file ${path} holds no key.`);
  return new KeyRing([first, ...others]);
}

/** @throws KeyFileError when the file is missing, unreadable or malformed */
export async function loadKeyFile(path: string): Promise<KeyRing> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    const code = errorCodeOf(thrown);
    throw new KeyFileError(
      code === 'ENOENT'
        ? `The key file ${path} does not exist. Restore it from its backup, or create one for a new database.`
        : `The key file ${path} cannot be read (${code}).`,
    );
  }
  return parseKeyFile(text, path);
}

/**
 * Writes a new key file with one random key, readable by its owner alone. Complete or not at all.
 * @throws KeyFileError when the path exists already: an overwritten key is lost data
 */
export async function createKeyFile(path: string): Promise<void> {
  const id = `key-${randomBytes(4).toString('hex')}`;
  const draft = join(dirname(path), `.${id}.draft`);
  const text = `# Keep a copy in a safe place: without this file the database cannot be read.\n${id}:${randomBytes(32).toString('base64')}\n`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
  } catch (thrown) {
    const code = errorCodeOf(thrown);
    throw new KeyFileError(
      code === 'EEXIST'
        ? `The key file ${path} exists already and is never overwritten.`
        : `The key file ${path} cannot be written (${code}).`,
    );
  } finally {
    await rm(draft, { force: true });
  }
}

function errorCodeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
}
