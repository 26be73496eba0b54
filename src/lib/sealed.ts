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

/** Letters, digits, `.`, `_` and `-`; at most 64. */
export const keyIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

/** Where a sealed text is; with a column a cell, without one the wrapped data key of the row. */
interface Place {
  table: string;
  uid: string;
  column?: string;
}

/** The key is not in the key file; or the text is of another key or place, or was changed. */
export type SealFault = 'unknown key' | 'broken';

/** A sealed text that does not open. The message names table, row and column, and never what they hold. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
  readonly place: Place;
  readonly fault: SealFault;

  constructor(place: Place, what: string, fault: SealFault = 'broken') {
    const { table, uid, column } = place;
    const part = column === undefined ? 'The data key' : `The sealed column ${column}`;
    super(`${part} of ${table} ${uid} ${what}.`);
    this.place = place;
    this.fault = fault;
  }
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

/** @returns undefined when it does not open */
function decrypt(key: Buffer, text: string, boundTo: readonly string[]): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(JSON.stringify(boundTo)));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    return undefined;
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
    const place = { table: this.#table, uid: this.#uid, column };
    const [found, body, ...rest] = sealed.split(':');
    if (found !== version || body === undefined || rest.length > 0) {
      throw new UnsealError(place, 'is of no known version');
    }
    const plaintext = decrypt(this.#dataKey, body, this.#place(column));
    if (plaintext === undefined) {
      throw new UnsealError(
        place,
        'does not open: it was changed, or it or the data key belongs to another row or column',
      );
    }
    return plaintext.toString();
  }

  #place(column: string): string[] {
    return [this.#table, this.#uid, column];
  }
}

export interface KeyEncryptionKey {
  /** See {@link keyIdPattern}. */
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
    return this.#wrap(randomBytes(keyBytes), table, uid);
  }

  /** @throws UnsealError when the key that wrapped it is missing or another one */
  openSeal(wrappedKey: string, table: string, uid: string): RowSeal {
    return new RowSeal(this.#unwrap(wrappedKey, { table, uid }), wrappedKey, table, uid);
  }

  /**
   * A seal with the same data key, wrapped by the active key: the row's sealed columns stay as they are. It was opened
   * from the new wrap, so what it unseals can be unsealed from now on.
   * @throws UnsealError
   */
  rewrap(wrappedKey: string, table: string, uid: string): RowSeal {
    const rewrapped = this.#wrap(this.#unwrap(wrappedKey, { table, uid }), table, uid);
    return this.openSeal(rewrapped.wrappedKey, table, uid);
  }

  /** A text that only this key opens, kept in the database to recognise a wrong key under a known id. */
  createCanary(id: string): string {
    return `${version}:${encrypt(this.#keyOf(id), Buffer.from('canary'), ['canary', id])}`;
  }

  opensCanary(id: string, canary: string): boolean {
    const body = canary.startsWith(`${version}:`) ? canary.slice(version.length + 1) : '';
    return decrypt(this.#keyOf(id), body, ['canary', id])?.toString() === 'canary';
  }

  #wrap(dataKey: Buffer, table: string, uid: string): RowSeal {
    const id = this.activeId;
    const wrappedKey = `${version}:${id}:${encrypt(this.#keyOf(id), dataKey, ['data key', id])}`;
    return new RowSeal(dataKey, wrappedKey, table, uid);
  }

  #unwrap(wrappedKey: string, place: Place): Buffer {
    const [found, id, body, ...rest] = wrappedKey.split(':');
    if (found !== version || id === undefined || !keyIdPattern.test(id)) {
      throw new UnsealError(place, 'is of no known version');
    }
    if (body === undefined || rest.length > 0) throw new UnsealError(place, 'is of no known version');
    const key = this.#keys.get(id);
    if (key === undefined) {
      throw new UnsealError(
        place,
        `is wrapped by the key "${id}", which is not in the key file`,
        'unknown key',
      );
    }
    const dataKey = decrypt(key, body, ['data key', id]);
    if (dataKey === undefined) {
      throw new UnsealError(
        place,
        `does not open with the key "${id}": it was changed, or another key wrapped it`,
      );
    }
    return dataKey;
  }

  #keyOf(id: string): Buffer {
    const key = this.#keys.get(id);
    if (key === undefined) throw new Error(`The key "${id}" is not in the key file.`);
    return key;
  }
}

/** The id of the KEK that a wrapped data key needs. */
export function keyIdOf(wrappedKey: string): string {
  const [, id = ''] = wrappedKey.split(':');
  return id;
}
