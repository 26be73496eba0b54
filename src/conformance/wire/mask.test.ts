import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../json.ts';
import type { Draft, Exchange } from './exchange.ts';
import { Mask } from './mask.ts';

function exchange(endpoint: Draft['endpoint'], body: JsonValue | string, status = 200): Exchange {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const json = typeof body === 'string' ? undefined : body;
  return {
    draft: { endpoint, method: 'PUT', path: '/', query: {}, headers: {} },
    ...{ target: '/', headers: {}, body: undefined, fault: undefined, milliseconds: 1 },
    answer: { status, headers: {}, text, json },
  };
}

describe('what the checker shows of an answer', () => {
  it('has the keys of credentials, not their values', () => {
    const shown = new Mask().body(exchange('bind', { credentials: { uri: 'x://u:p@h', ports: [1] } }, 201));
    expect(JSON.parse(shown)).toEqual({ credentials: { uri: '[redacted]', ports: ['[redacted]'] } });
  });

  it.each(['bind', 'fetch binding'] as const)('hides every field that a %s should not have', (endpoint) => {
    const shown = new Mask().body(exchange(endpoint, { username: 'u', password: 'p', metadata: { a: 'b' } }));
    expect(JSON.parse(shown)).toEqual({
      username: '[redacted]',
      password: '[redacted]',
      metadata: { a: 'b' },
    });
  });

  it('hides a whole answer to a bind that is no JSON object', () => {
    for (const body of ['postgres://u:p@h', ['postgres://u:p@h']]) {
      expect(new Mask().body(exchange('bind', body, 201))).toMatch(/^\[redacted\] \(\d+ characters/);
    }
  });

  it('shows errors, but no credential that turned up before, however it is written', () => {
    const mask = new Mask(['broker password']);
    mask.learn(exchange('bind', { credentials: { password: 'quote " slash/9' } }, 201));
    const error = { description: 'quote " slash/9 and broker%20password' };
    expect(mask.body(exchange('bind', error, 500))).toBe('{"description":"[redacted] and [redacted]"}');
    expect(mask.headers({ location: '/?p=quote%20%22%20slash%2F9', Authorization: 'Basic eA==' })).toEqual({
      location: '/?p=[redacted]',
      Authorization: '[redacted]',
    });
  });

  it('hides what stands inside of a URL that was a credential, and every base64 of it', () => {
    const mask = new Mask();
    mask.learn(
      exchange('bind', { credentials: { uri: 'pg://app:in%20side-secret@h/d?key=query-secret' } }, 201),
    );
    const base64 = Buffer.from('in side-secret').toString('base64');
    expect(mask.text(`in side-secret, query-secret, ${base64}`)).toBe('[redacted], [redacted], [redacted]=');
  });

  it('leaves readable what a DELETE by hand needs, whatever a broker puts into its credentials', () => {
    const mask = new Mask();
    mask.leaveReadable(['127.0.0.1', 'service', 'plan']);
    const bound = exchange('bind', { credentials: { host: '127.0.0.1', database: 'instance-id' } }, 201);
    bound.draft.instanceId = 'instance-id';
    mask.learn(bound);
    expect(mask.text('DELETE http://127.0.0.1/v2/service_instances/instance-id')).not.toContain('[redacted]');
  });

  it('hides a short password that the user gave', () => {
    expect(new Mask(['pw1']).text('the password pw1 is wrong')).toBe('the password [redacted] is wrong');
  });
});
