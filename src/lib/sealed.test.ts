import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KeyEncryptionKey, KeyRing, keyIdOf, UnsealError } from './sealed.ts';

const key = (id: string): KeyEncryptionKey => ({ id, key: randomBytes(32) });
const oldKey = key('old');
const newKey = key('new');
const ring = new KeyRing([oldKey]);

describe('a sealed text', () => {
  test('opens as what it was, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (plaintext) => {
        const seal = ring.createSeal('table', 'row');
        const reopened = ring.openSeal(seal.wrappedKey, 'table', 'row');
        expect(reopened.unseal('column', seal.seal('column', plaintext))).toBe(plaintext);
      }),
    );
  });

  test('differs each time and shows nothing of its content', () => {
    const seal = ring.createSeal('table', 'row');
    const first = seal.seal('column', 'canary-secret');
    expect(first).not.toBe(seal.seal('column', 'canary-secret'));
    expect(Buffer.from(first.replace('v1:', ''), 'base64').includes('canary')).toBe(false);
  });

  test('does not open in another column, row or table', () => {
    const seal = ring.createSeal('table', 'row');
    const sealed = seal.seal('column', 'secret');
    expect(() => seal.unseal('another', sealed)).toThrow(UnsealError);
    // As if data key and cell had both been copied to the other row.
    for (const [table, row] of [
      ['table', 'another'],
      ['another', 'row'],
      ['tab', 'lerow'],
    ] as const) {
      expect(() => ring.openSeal(seal.wrappedKey, table, row).unseal('column', sealed)).toThrow(
        `The sealed column column of ${table} ${row} does not open`,
      );
    }
  });

  test('does not open when any byte changed', () => {
    const seal = ring.createSeal('table', 'row');
    const sealed = Buffer.from(seal.seal('column', 'secret').slice(3), 'base64');
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => seal.unseal('column', `v1:${changed.toString('base64')}`)).toThrow(UnsealError);
    }
  });

  test.each(['', 'v1', 'v1:', 'v2:AAAA', 'secret', 'v1:AAAA', 'v1:a:b'])('is refused as %j', (text) => {
    expect(() => ring.createSeal('table', 'row').unseal('column', text)).toThrow(UnsealError);
  });
});

describe('a wrapped data key', () => {
  test('names its key and opens with no other of the same id', () => {
    const { wrappedKey } = ring.createSeal('table', 'row');
    expect(keyIdOf(wrappedKey)).toBe('old');
    expect(() => new KeyRing([key('old')]).openSeal(wrappedKey, 'table', 'row')).toThrow(UnsealError);
  });

  test('of a missing key says which', () => {
    const { wrappedKey } = ring.createSeal('table', 'row');
    expect(() => new KeyRing([newKey]).openSeal(wrappedKey, 'table', 'row')).toThrow(
      /"old", which is not in the key file/,
    );
  });

  test('does not open under a changed id, even when the key is the same', () => {
    const renamed = new KeyRing([{ id: 'renamed', key: oldKey.key }]);
    const wrappedKey = ring.createSeal('table', 'row').wrappedKey.replace(':old:', ':renamed:');
    expect(() => renamed.openSeal(wrappedKey, 'table', 'row')).toThrow(UnsealError);
  });

  test('is rewrapped under the active key, and the sealed texts stay as they are', () => {
    const seal = ring.createSeal('table', 'row');
    const sealed = seal.seal('column', 'secret');
    const rewrapped = new KeyRing([newKey, oldKey]).rewrap(seal.wrappedKey, 'table', 'row');
    expect(rewrapped.unseal('column', sealed)).toBe('secret');
    expect(keyIdOf(rewrapped.wrappedKey)).toBe('new');
    const withoutOld = new KeyRing([newKey]);
    expect(withoutOld.openSeal(rewrapped.wrappedKey, 'table', 'row').unseal('column', sealed)).toBe('secret');
  });

  test.each([
    [
      'not of this database',
      'v1:gone:AAAA',
      'unknown key',
      'is wrapped by the key "gone", which is not in the key file',
    ],
    [
      'changed',
      'v1:old:AAAA',
      'broken',
      'does not open with the key "old": it was changed, or another key wrapped it',
    ],
    ['a sealed cell', 'v1:AAAA', 'broken', 'is of no known version'],
    ['a text with a secret for an id', 'v1:pass word:AAAA', 'broken', 'is of no known version'],
  ])('that is %s is refused, with table and row and without what it holds', (_, wrappedKey, fault, what) => {
    for (const open of [
      () => ring.openSeal(wrappedKey, 'table', 'row'),
      () => ring.rewrap(wrappedKey, 'table', 'row'),
    ]) {
      expect(open).toThrow(UnsealError);
      expect(open).toThrow(expect.objectContaining({ fault, message: `The data key of table row ${what}.` }));
    }
  });
});

test('a canary opens with its key alone', () => {
  const canary = ring.createCanary('old');
  expect(ring.opensCanary('old', canary)).toBe(true);
  expect(new KeyRing([key('old')]).opensCanary('old', canary)).toBe(false);
  expect(ring.opensCanary('old', 'nonsense')).toBe(false);
});
