import { expect, test } from 'vitest';
import { isAtLeast } from './helm.ts';

test.each([
  ['v4.1.4', '4.1.4', true],
  ['v4.2.0', '4.1.4', true],
  ['v5.0.0', '4.1.4', true],
  ['v4.1.3', '4.1.4', false],
  ['v3.19.0', '4.1.4', false],
  ['Client Version: v1.34.5\nKustomize Version: v5.7.1', '1.32.0', true],
  ['', '4.1.4', false],
])('%j is at least %s: %s', (text, minimum, expected) => {
  expect(isAtLeast(text, minimum)).toBe(expected);
});
