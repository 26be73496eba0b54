/**
 * The key file: one `id:base64 of 32 bytes` per line, `#` begins a comment line. The first key is the active one; the
 * others only open what they sealed once. docs/keys.md tells how a new key takes over without losing the old one.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KeyEncryptionKey, KeyRing, keyIdPattern } from './sealed.ts';

/** A key file that cannot be used; the message says how to mend it and never holds a key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

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
    if (!keyIdPattern.test(id)) {
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
  const { id, line } = newLine();
  const draft = join(dirname(path), `.${id}.draft`);
  const text = `# Keep a copy in a safe place: without this file the database cannot be read.\n${line}\n`;
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

/**
 * Adds a random key as the last line: it opens from now on, and does not seal yet. All else stays as it is.
 * @returns the id of the new key
 * @throws KeyFileError
 */
export async function addKey(path: string): Promise<string> {
  const { id, line } = newLine();
  await rewrite(path, (lines) => [...lines, line]);
  return id;
}

/**
 * Moves the line of a key above the first one, so that it seals from now on.
 * @throws KeyFileError when the file holds no such key
 */
export async function activateKey(path: string, id: string): Promise<void> {
  await rewrite(path, (lines) => {
    const isKey = (line: string) => line.trim() !== '' && !line.trim().startsWith('#');
    const chosen = lines.find((line) => isKey(line) && line.trim().startsWith(`${id}:`));
    if (chosen === undefined) throw new KeyFileError(`The key file ${path} holds no key "${id}".`);
    const others = lines.filter((line) => line !== chosen);
    const top = others.findIndex(isKey);
    return top === -1 ? lines : [...others.slice(0, top), chosen, ...others.slice(top)];
  });
}

function newLine(): { id: string; line: string } {
  const id = `key-${randomBytes(4).toString('hex')}`;
  return { id, line: `${id}:${randomBytes(32).toString('base64')}` };
}

/**
 * Puts a changed file in the place of the old one, complete or not at all, with its owner and mode. The draft is the
 * lock: of two changes at once the second is refused, or it would drop the key of the first.
 */
async function rewrite(path: string, change: (lines: string[]) => string[]): Promise<void> {
  await loadKeyFile(path);
  try {
    // Where the path is a link, what it leads to is replaced, and not the link.
    const target = await realpath(path);
    const draft = `${target}.draft`;
    const file = await open(draft, 'wx', 0o600);
    try {
      try {
        const text = await readFile(target, 'utf8');
        const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
        const { uid, gid, mode } = await stat(target);
        await file.chown(uid, gid);
        await file.chmod(mode & 0o777);
        await file.writeFile(`${change(lines).join('\n')}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await loadKeyFile(draft);
      await rename(draft, target);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw thrown;
    }
    const folder = await open(dirname(target));
    await folder.sync().finally(() => folder.close());
  } catch (thrown) {
    if (thrown instanceof KeyFileError) throw thrown;
    const code = errorCodeOf(thrown);
    throw new KeyFileError(
      code === 'EEXIST'
        ? `The key file ${path} is being changed by another command. If none runs, one was killed: delete what it left, the file ending in .draft beside it.`
        : `The key file ${path} cannot be changed (${code}). Where it is mounted read-only, change the copy that it is made from.`,
    );
  }
}

function errorCodeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
}
