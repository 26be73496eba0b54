import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingName, instanceName, isDnsLabel, isInstanceName } from './names.ts';

const parts = fc.record({
  installationId: fc.uuid(),
  platform: fc.string(),
  osbId: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
  incarnation: fc.nat(),
});

describe('external names', () => {
  it('are DNS labels for any OSB id', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(isDnsLabel(instanceName(given))).toBe(true);
        expect(isDnsLabel(bindingName(given))).toBe(true);
      }),
    );
  });

  it('are the same for the same parts and differ when any part differs', () => {
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        expect(instanceName(left)).toBe(instanceName({ ...left }));
        if (JSON.stringify(left) !== JSON.stringify(right))
          expect(instanceName(left)).not.toBe(instanceName(right));
      }),
    );
  });

  it('keep parts apart: moving a character from one to the next changes the name', () => {
    const given = { installationId: 'i', platform: 'ab', osbId: 'c', incarnation: 1 };
    expect(instanceName(given)).not.toBe(instanceName({ ...given, platform: 'a', osbId: 'bc' }));
  });
});

describe('isInstanceName', () => {
  it('knows the name of every instance', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(isInstanceName(instanceName(given))).toBe(true);
        expect(isInstanceName(bindingName(given))).toBe(false);
      }),
    );
  });
  it.each([
    'i-',
    'i-team',
    `i-${'a'.repeat(19)}`,
    `i-${'a'.repeat(21)}`,
    `i-${'1'.repeat(20)}`,
    `xi-${'a'.repeat(20)}`,
  ])('takes %s for a name that anybody may use', (text) => {
    expect(isInstanceName(text)).toBe(false);
  });
});

describe('isDnsLabel', () => {
  it.each(['..', '', 'A', 'a/../b', '%2e%2e', '-a', 'a-', 'a.b', 'a'.repeat(64), 'ä', 'a\n'])(
    'refuses %j',
    (text) => {
      expect(isDnsLabel(text)).toBe(false);
    },
  );
  it.each(['a', 'team-1', 'a'.repeat(63)])('accepts %j', (text) => {
    expect(isDnsLabel(text)).toBe(true);
  });
});
