import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ChandlerError } from '../domain/errors.ts';
import { Redacted } from '../lib/redacted.ts';
import { createEvents } from './events.ts';
import { createLogger } from './logger.ts';

function recordLines(): {
  lines: () => Record<string, unknown>[];
  text: () => string;
  destination: Writable;
} {
  let written = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk);
      done();
    },
  });
  return {
    destination,
    text: () => written,
    lines: () =>
      written
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const operation = { type: 'bind', operationUid: 'o', instanceUid: 'i', bindingUid: 'b' } as const;

describe('events', () => {
  it('write one JSON object per line with a level in words', () => {
    const recorded = recordLines();
    createEvents(createLogger({ level: 'info', destination: recorded.destination })).operationEnqueued(
      operation,
    );
    expect(recorded.lines()).toEqual([
      { level: 'info', time: expect.any(String), message: 'operation enqueued', ...operation },
    ]);
  });

  it('use level error only for what an admin must act on', () => {
    const recorded = recordLines();
    const events = createEvents(createLogger({ level: 'info', destination: recorded.destination }));
    events.operationFailed({ ...operation, durationMs: 1, errorCode: 'ApplyRejected' });
    events.operationFailed({ ...operation, durationMs: 1, errorCode: 'NamespaceMissing' });
    events.operationFailed({ ...operation, durationMs: 1, errorCode: 'ClusterUnreachable' });
    events.requestFaulted({ requestId: 'r', route: '/', errorCode: 'Internal', cause: new Error('boom') });
    expect(recorded.lines().map((line) => line.level)).toEqual(['error', 'info', 'warn', 'error']);
  });

  it('never throw, whatever they are given', () => {
    const events = createEvents(createLogger({ level: 'info', destination: recordLines().destination }));
    const hostile = {
      get message(): string {
        throw new Error('no');
      },
      toString(): string {
        throw new Error('no');
      },
    };
    expect(() => events.watchBroke({ cluster: 'c', kind: 'Pod', cause: hostile })).not.toThrow();
    expect(() => events.watchBroke({ cluster: 'c', kind: 'Pod', cause: 10n })).not.toThrow();
  });
});

describe('the logger', () => {
  it('replaces values under keys that hold credentials, at any depth', () => {
    const recorded = recordLines();
    createLogger({ level: 'info', destination: recorded.destination }).info({
      password: 'hunter2',
      headers: { Authorization: 'Basic aHVudGVyMg==' },
      items: [{ credentials: { user: 'hunter2' } }, { DATABASE_URL: 'hunter2' }],
      sealed: new Redacted('hunter2'),
      uri: 'hunter2',
    });
    expect(recorded.text()).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(recorded.lines()).toHaveLength(1);
  });

  it('replaces the user part of URIs in messages of errors and of their causes', () => {
    const recorded = recordLines();
    const cause = new Error('connect postgres://admin:hunter2@db:5432/x failed');
    createEvents(createLogger({ level: 'info', destination: recorded.destination })).requestFaulted({
      requestId: 'r',
      route: '/',
      errorCode: 'Internal',
      cause: new ChandlerError('Internal', { cause }),
    });
    expect(recorded.text()).not.toContain('hunter2');
    expect(recorded.text()).toContain('db:5432');
  });

  it('leaves out what drivers hang on their errors', () => {
    const recorded = recordLines();
    const cause = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      query: "create role x password 'hunter2'",
    });
    createEvents(createLogger({ level: 'info', destination: recorded.destination })).watchBroke({
      cluster: 'c',
      kind: 'Pod',
      cause,
    });
    expect(recorded.text()).not.toContain('hunter2');
    expect(recorded.lines()[0]?.cause).toMatchObject({ message: 'refused', code: 'ECONNREFUSED' });
  });
});
