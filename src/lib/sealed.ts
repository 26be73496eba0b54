/**
 * Envelope encryption of what must not be readable in the database. Each row has a data key of its own, wrapped by a
 * key-encryption key (KEK) from the key file. AES-256-GCM throughout, random 96-bit nonces.
 *
 * - The id of the KEK is bound in the wrap alone, so that a rewrap under another KEK leaves the sealed columns as they are.
 * - The identity of the cell (table, row, column) is bound in the data, so that a sealed text moved elsewhere does not open.
 *
 * Texts describe themselves: `v1:<KEK id>:<base64>` is a wrapped data key, `v1:<base64>` a sealed cell.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const version = 'v1';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** A sealed text that does not open: another key, another place, or changed bytes. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/** Gives base64 of nonce, ciphertext and tag. */
function encrypt(key: Buffer, plaintext: Buffer, boundTo: readonly string[]): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(JSON.stringify(boundTo)));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString(
    'base64',
  );
}

function decrypt(key: Buffer, text: string, boundTo: readonly string[]): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < nonceBytes + tagBytes) throw new UnsealError('A sealed text is too short.');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(JSON.stringify(boundTo)));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    throw new UnsealError(`A sealed text does not open as ${boundTo.join('|')}.`);
  }
}

/** Seals and opens the cells of one row. The data key never leaves it but wrapped. */
export class RowSeal {
  readonly #dataKey: Buffer;
  readonly #table: string;
  readonly #uid: string;
  /** What the row must keep to be opened again. */
  readonly wrappedKey: string;

  constructor(dataKey: Buffer, wrappedKey: string, table: string, uid: string) {
    this.#dataKey = dataKey;
    this.wrappedKey = wrappedKey;
    this.#table = table;
    this.#uid = uid;
  }

  seal(column: string, plaintext: string): string {
    return `${version}:${encrypt(this.#dataKey, Buffer.from(plaintext), this.#place(column))}`;
  }

  /** @throws UnsealError */
  unseal(column: string, sealed: string): string {
    const [found, body, ...rest] = sealed.split(':');
    if (found !== version || body === undefined || rest.length > 0) {
      throw new UnsealError(`The sealed text in ${this.#place(column).join('|')} is of no known version.`);
    }
    return decrypt(this.#dataKey, body, this.#place(column)).toString();
  }

  #place(column: string): string[] {
    return [this.#table, this.#uid, column];
  }
}

export interface KeyEncryptionKey {
  /** Letters, digits, `.`, `_` and `-`; at most 64. */
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** The key-encryption keys of this process: the first one seals, all of them open. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly activeId: string;

  /** @param keys at least one; ids are unique */
  constructor(keys: readonly [KeyEncryptionKey, ...KeyEncryptionKey[]]) {
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
    this.activeId = keys[0].id;
  }

  get ids(): string[] {
    return [...this.#keys.keys()];
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  /** A seal with a fresh data key, wrapped by the active key, for a row that is about to be inserted. */
  createSeal(table: string, uid: string): RowSeal {
    const dataKey = randomBytes(keyBytes);
    return new RowSeal(dataKey, this.#wrap(this.activeId, dataKey), table, uid);
  }

  /** @throws UnsealError when the key that wrapped it is missing or another one */
  openSeal(wrappedKey: string, table: string, uid: string): RowSeal {
    return new RowSeal(this.#unwrap(wrappedKey), wrappedKey, table, uid);
  }

  /** The same data key wrapped by the active key; the row's sealed columns stay as they are. @throws UnsealError */
  rewrap(wrappedKey: string): string {
    return this.#wrap(this.activeId, this.#unwrap(wrappedKey));
  }

  /** A text that only this key opens, kept in the database to recognise a wrong key under a known id. */
  createCanary(id: string): string {
    return `${version}:${encrypt(this.#keyOf(id), Buffer.from('canary'), ['canary', id])}`;
  }

  opensCanary(id: string, canary: string): boolean {
    const body = canary.startsWith(`${version}:`) ? canary.slice(version.length + 1) : '';
    try {
      return decrypt(this.#keyOf(id), body, ['canary', id]).toString() === 'canary';
    } catch (thrown) {
      if (thrown instanceof UnsealError) return false;
      throw thrown;
    }
  }

  #wrap(id: string, dataKey: Buffer): string {
    return `${version}:${id}:${encrypt(this.#keyOf(id), dataKey, ['data key', id])}`;
  }

  #unwrap(wrappedKey: string): Buffer {
    const [found, id, body, ...rest] = wrappedKey.split(':');
    if (found !== version || id === undefined || body === undefined || rest.length > 0) {
      throw new UnsealError('A wrapped data key is of no known version.');
    }
    return decrypt(this.#keyOf(id), body, ['data key', id]);
  }

  #keyOf(id: string): Buffer {
    const key = this.#keys.get(id);
    if (key === undefined) throw new UnsealError(`The key "${id}" is not in the key file.`);
    return key;
  }
}

/** The id of the KEK that a wrapped data key needs. */
export function keyIdOf(wrappedKey: string): string {
  const [, id = ''] = wrappedKey.split(':');
  return id;
}
