import { describe, expect, it } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import { osbDefaults } from '../domain/osb-options.ts';
import type { JsonValue } from '../lib/json.ts';
import { allowedNamespace } from './allowed-namespace.ts';
import type { Caller } from './caller.ts';

const settings = { clusterName: 'default', syncWaitMs: 0, quickWaitMs: 0, ownNamespace: 'broker' };

const callerOf = (namespaces: string[]): Caller => ({
  platform: 'p',
  namespaces,
  delivers: true,
  options: osbDefaults,
});

function check(namespace: JsonValue, patterns: string[]): string | undefined {
  try {
    return allowedNamespace({ namespace }, callerOf(patterns), settings);
  } catch (error) {
    if (error instanceof ChandlerError) return error.code;
    throw error;
  }
}

describe('allowedNamespace', () => {
  it.each([
    ['shop', ['shop']],
    ['team-a', ['team-*']],
    ['a-team', ['*-team']],
    ['anything', ['*']],
    ['default', ['*']],
    ['a-b-c', ['a*b*c']],
    ['ab', ['a*b']],
    ['second', ['first', 'second']],
    ['aaa', ['a**a']],
    ['i-team', ['*']],
    ['i-abcdefghij234567abcde', ['*']],
  ])('%s is allowed by %j', (namespace, patterns) => {
    expect(check(namespace, patterns)).toBe(namespace);
  });

  it.each([
    ['shop', []],
    ['shop-2', ['shop']],
    ['my-shop', ['shop']],
    ['team', ['team-*']],
    ['xteam-a', ['team-*']],
    ['aa', ['aa*a']],
    ['a-c', ['a*b*c']],
    ['a', ['.']],
    ['kube-system', ['*', 'kube-system']],
    ['kube-public', ['kube-*']],
    ['broker', ['*']],
    ['i-abcdefghij234567abcd', ['*']],
    ['i-abcdefghij234567abcd', ['i-abcdefghij234567abcd']],
  ])('%s is not allowed by %j', (namespace, patterns) => {
    expect(check(namespace, patterns)).toBe('NamespaceNotAllowed');
  });

  it.each([
    [''],
    [42],
    [true],
    [{}],
    [[]],
    ['..'],
    ['A'],
    ['a.b'],
    ['a/b'],
    ['-a'],
    ['a-'],
    ['a'.repeat(64)],
  ])('%j is no namespace', (namespace) => {
    expect(check(namespace, ['*'])).toBe('MalformedRequest');
  });

  it('a context without a namespace is fine, and null counts as none', () => {
    expect(check(null, [])).toBeUndefined();
    expect(allowedNamespace({}, callerOf([]), settings)).toBeUndefined();
  });

  it('the default namespace of the credential is not what a context names', () => {
    const caller = { ...callerOf(['team-a', 'team-b']), defaultNamespace: 'team-a' };
    expect(allowedNamespace({}, caller, settings)).toBeUndefined();
    expect(allowedNamespace({ namespace: 'team-b' }, caller, settings)).toBe('team-b');
  });

  it.each([['kube-system'], ['team-a'], [{ any: 'thing' }]])(
    'what an unknown platform calls its namespace, %j, is none of ours',
    (namespace) => {
      const context = { platform: 'mainframe', namespace };
      expect(allowedNamespace(context, callerOf(['*']), settings)).toBeUndefined();
    },
  );
});
