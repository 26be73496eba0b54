import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseQuantity } from './quantity.ts';

it.each([
  ['1', '1000m'],
  ['1k', '1000'],
  ['1Ki', '1024'],
  ['1Gi', '1024Mi'],
  ['1.5Gi', '1536Mi'],
  ['0.5', '500m'],
  ['1G', '1000M'],
])('%s equals %s', (a, b) => {
  expect(parseQuantity(a)).toBeDefined();
  expect(parseQuantity(a)).toBe(parseQuantity(b));
});

it('compares by amount, not by text', () => {
  const sorted = ['1', '1k', '1Ki', '1M', '999Ki', '1Mi', '9Mi', '10Mi', '1G', '1Gi', '1Ti', '1P', '1Pi'];
  fc.assert(
    fc.property(fc.nat(sorted.length - 1), fc.nat(sorted.length - 1), (a, b) => {
      const [left, right] = [parseQuantity(sorted[a] as string), parseQuantity(sorted[b] as string)];
      expect((left as bigint) < (right as bigint)).toBe(a < b);
    }),
  );
});

it('is undefined for what is no positive quantity', () => {
  for (const text of ['0', '0.0', '-1', '1e3', '1E', 'Gi', '', '1 Gi', '01', '.5', '1.2345', '1KiB']) {
    expect(parseQuantity(text), text).toBeUndefined();
  }
});
