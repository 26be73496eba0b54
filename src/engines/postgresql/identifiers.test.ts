import { expect, test } from 'vitest';
import { bindingLogin, instanceIdentifiers, quoted } from './identifiers.ts';

test('external names become identifiers of letters, digits and underscores', () => {
  expect(instanceIdentifiers('i-abcdefghij234567abcd')).toEqual({
    database: 'i_abcdefghij234567abcd',
    owner: 'i_abcdefghij234567abcd_owner',
    reader: 'i_abcdefghij234567abcd_reader',
  });
  expect(quoted(bindingLogin('b-abcdefghij234567abcd'))).toBe('"b_abcdefghij234567abcd"');
});

test.each([
  '',
  'b',
  'b_abc',
  'b-abc-owner',
  'B-abc',
  'b-"; drop role postgres; --',
  'b-a\n',
  'b-ä',
  `b-${'a'.repeat(41)}`,
])('%j is refused', (name) => {
  expect(() => bindingLogin(name)).toThrow('not an external name');
  expect(() => instanceIdentifiers(name)).toThrow('not an external name');
});
