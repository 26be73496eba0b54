import { format, inspect } from 'node:util';
import { expect, it } from 'vitest';
import { Redacted } from './redacted.ts';

it('a redacted value never prints, whatever prints it', () => {
  const secret = new Redacted('hunter2');
  const printed = [
    String(secret),
    ['', secret].join(''),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: [secret] }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
  ].join(' ');
  expect(printed).not.toContain('hunter2');
  expect(printed).toContain('[redacted]');
  expect(secret.reveal()).toBe('hunter2');
});
