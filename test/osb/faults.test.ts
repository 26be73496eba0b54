/** When something of ours is broken: what clients may know, and what only the logs may. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId, pollInstance, putInstance } from './requests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker.close());

describe('health', () => {
  it('is told without credentials', async () => {
    const headers = { authorization: undefined, 'x-broker-api-version': undefined };
    expect(await broker.send({ path: '/healthz', headers })).toMatchObject({
      status: 200,
      headers: { 'x-request-id': expect.any(String) },
      json: { status: 'ok' },
    });
    expect(await broker.send({ path: '/readyz', headers })).toMatchObject({
      status: 200,
      json: { status: 'ok', checks: { store: true } },
    });
  });

  it('is not ready when a check fails, and does not say why to strangers', async () => {
    const reasons: unknown[] = [];
    const sick = await startTestBroker({
      events: { notReady: (fields) => reasons.push(fields) },
      deps: {
        readinessChecks: [{ name: 'cluster', check: () => Promise.reject(new Error('secret address')) }],
      },
    });
    try {
      const answer = await sick.send({ path: '/readyz' });
      expect(answer).toMatchObject({ status: 503, json: { checks: { store: true, cluster: false } } });
      expect(answer.text).not.toContain('secret');
      expect(reasons).toEqual([{ check: 'cluster', cause: new Error('secret address') }]);
      expect((await sick.send({ path: '/healthz' })).status).toBe(200);
    } finally {
      await sick.close();
    }
  });
});

describe('faults', () => {
  const faulted: unknown[] = [];

  it('an unexpected one answers 500 without a word of its cause, which is logged', async () => {
    const sick = await startTestBroker({
      events: { requestFaulted: (fields) => faulted.push(fields) },
      deps: {
        validateParameters: () => {
          throw new TypeError('Cannot read properties of undefined (secret)');
        },
      },
    });
    try {
      const before = await sick.rows();
      const answer = await sick.send(putInstance(newId()));
      expect(answer).toMatchObject({ status: 500, json: { error: 'InternalServerError' } });
      expect(answer.text).not.toMatch(/secret|TypeError|stack/);
      expect(await sick.rows()).toBe(before);
      expect(faulted.at(-1)).toMatchObject({
        requestId: answer.headers['x-request-id'],
        errorCode: 'Internal',
        cause: expect.any(TypeError),
      });
    } finally {
      await sick.close();
    }
  });

  it('a database that is away answers 503', async () => {
    const sick = await startTestBroker();
    await sick.store.close();
    try {
      expect(await sick.send(pollInstance('x'))).toMatchObject({
        status: 503,
        text: '{"error":"StoreUnavailable","description":"The state of Chandler is not reachable at the moment."}',
      });
      expect((await sick.send({ path: '/readyz' })).status).toBe(503);
      expect((await sick.send({ path: '/healthz' })).status).toBe(200);
    } finally {
      await sick.close();
    }
  });
});
