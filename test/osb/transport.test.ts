import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import type { RequestFields } from '../../src/telemetry/events.ts';
import { newId, pollInstance, putInstance } from './requests.ts';
import { basic, otherCredential, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
const finished: RequestFields[] = [];
beforeAll(async () => {
  broker = await startTestBroker({
    events: {
      requestFinished: (fields) => finished.push(fields),
    },
  });
});
afterAll(() => broker.close());

/** Sends bytes as they are and gives all that comes back. */
function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may close before it has read everything we had to say.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('close', () => resolve(text));
    socket.end(bytes);
  });
}

function jsonOf(raw: string): JsonObject {
  return JSON.parse(raw.slice(raw.indexOf('\r\n\r\n') + 4)) as JsonObject;
}

describe('headers', () => {
  it.each([['2.11'], ['2.13'], ['2.17'], ['2.99']])('version %s is accepted', async (version) => {
    const answer = await broker.send({ path: '/v2/catalog', headers: { 'x-broker-api-version': version } });
    expect(answer.status).toBe(200);
  });

  it('the request identity is echoed on success and on every error', async () => {
    for (const [sent, status] of [
      [{ path: '/v2/catalog' }, 200],
      [{ path: '/v2/catalog', headers: { authorization: undefined } }, 401],
      [{ path: '/v2/catalog', headers: { 'x-broker-api-version': undefined } }, 412],
      [{ path: '/v2/nowhere' }, 404],
      [{ method: 'PUT', path: '/v2/service_instances/x', body: '{' }, 400],
    ] as const) {
      const headers = {
        ...('headers' in sent ? sent.headers : {}),
        'x-broker-api-request-identity': 'e26cee84-6b38',
      };
      const answer = await broker.send({ ...sent, headers });
      expect(answer.status).toBe(status);
      expect(answer.headers['x-broker-api-request-identity']).toBe('e26cee84-6b38');
    }
  });

  it('say nothing about the software', async () => {
    const { headers } = await broker.send({ path: '/v2/catalog' });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers.server).toBeUndefined();
  });

  it('an empty body with a JSON Content-Type works on GET and DELETE', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await broker.send({ path: '/v2/catalog', headers })).status).toBe(200);
    const path = '/v2/service_instances/unknown?accepts_incomplete=true&service_id=service-pg&plan_id=usual';
    expect((await broker.send({ method: 'DELETE', path, headers, body: '' })).status).toBe(410);
  });

  it('a missing Content-Type is forgiven, and so are a charset and a vendor type', async () => {
    for (const type of [
      undefined,
      'application/json; charset=utf-8',
      'APPLICATION/JSON',
      'application/vnd.osb+json',
    ]) {
      const sent = putInstance(newId());
      const answer = await broker.send({
        ...sent,
        body: JSON.stringify(sent.body),
        headers: { 'content-type': type },
      });
      expect(answer.status).toBe(202);
    }
  });
});

describe('authentication', () => {
  it('knows several credentials, each with its own platform', async () => {
    const id = newId();
    await broker.send(putInstance(id));
    expect((await broker.send(pollInstance(id))).status).toBe(200);
    expect(
      (await broker.send({ ...pollInstance(id), headers: { authorization: otherCredential } })).status,
    ).toBe(404);
  });

  it('splits at the first colon and takes any case of the scheme', async () => {
    const headers = { authorization: basic('platform', 'correct horse').replace('Basic', 'BASIC') };
    expect((await broker.send({ path: '/v2/catalog', headers })).status).toBe(200);
    expect(
      (
        await broker.send({
          path: '/v2/catalog',
          headers: { authorization: basic('platform', 'correct horse:') },
        })
      ).status,
    ).toBe(401);
  });
});

describe('routes', () => {
  it.each([
    ['/'],
    ['/v2'],
    ['/v2/'],
    ['/v2/Catalog'],
    ['/v2/catalog/'],
    ['/v2/service_instances'],
    ['/v2/service_instances/'],
    ['/v2/service_instances/a/'],
    ['/v2/service_instances//last_operation'],
    ['/v2/service_instances/a/service_bindings'],
    ['/v2/service_instances/a/b/c'],
    ['/v2/service_instances/a/../b'],
    ['//v2/catalog'],
  ])('%s answers 404 in JSON', async (path) => {
    expect(await broker.send({ path })).toMatchObject({
      status: 404,
      json: { error: 'NotFound', description: 'There is nothing at this path.' },
    });
  });

  it.each([
    ['POST', '/v2/catalog', 'GET'],
    ['POST', '/v2/service_instances/a', 'GET, PUT, PATCH, DELETE'],
    ['POST', '/v2/service_instances/a/service_bindings/b', 'GET, PUT, DELETE'],
    ['PUT', '/v2/service_instances/a/last_operation', 'GET'],
    ['OPTIONS', '/v2/service_instances/a/service_bindings/b/last_operation', 'GET'],
    ['OPTIONS', '/healthz', 'GET'],
    ['POST', '/readyz', 'GET'],
  ])('%s %s answers 405 and what is allowed', async (method, path, allow) => {
    const answer = await broker.send({ method, path, ...(method === 'OPTIONS' ? {} : { body: {} }) });
    expect(answer).toMatchObject({ status: 405, headers: { allow }, json: { error: 'MethodNotAllowed' } });
  });
});

describe('raw bytes', () => {
  const head = `Authorization: ${basic('platform', 'correct horse')}\r\nX-Broker-API-Version: 2.17\r\nHost: x\r\n`;

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    [
      'a header of 1 MB',
      `GET /v2/catalog HTTP/1.1\r\nAuthorization: Basic ${'A'.repeat(1_000_000)}\r\n\r\n`,
      431,
    ],
    ['a header with a line break in it', `GET /v2/catalog HTTP/1.1\r\n${head}X: a\rb\r\n\r\n`, 400],
    [
      'two lengths',
      `PUT /v2/service_instances/x HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
      400,
    ],
    [
      'a length and chunks',
      `PUT /v2/service_instances/x HTTP/1.1\r\n${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['a space in the path', `GET /v2/service_instances/a b HTTP/1.1\r\n${head}\r\n`, 400],
    ['bytes beyond ASCII in the path', `GET /v2/service_instances/ü HTTP/1.1\r\n${head}\r\n`, 400],
    ['no host', `GET /v2/catalog HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
  ])('%s: %#', async (_case, bytes, status) => {
    const raw = await sendRaw(broker.http.port, bytes);
    expect(raw.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  });

  it('an answer to bytes that are no HTTP is JSON, too', async () => {
    expect(jsonOf(await sendRaw(broker.http.port, 'hello\r\n\r\n'))).toEqual({
      error: 'BadRequest',
      description: 'The request is not valid HTTP.',
    });
  });

  it('a duplicate Authorization header does not help a wrong one', async () => {
    const raw = await sendRaw(
      broker.http.port,
      `GET /v2/catalog HTTP/1.1\r\nAuthorization: Basic eDp5\r\n${head}Connection: close\r\n\r\n`,
    );
    expect(raw).toMatch(/^HTTP\/1.1 401 /);
  });
});

describe('log lines', () => {
  it('name the pattern of the path and never an id, a body or a header', async () => {
    finished.length = 0;
    await broker.send({
      ...putInstance('very-secret-id'),
      headers: { 'x-broker-api-request-identity': 'r-1' },
    });
    await expect
      .poll(() => finished)
      .toEqual([
        {
          requestId: expect.any(String),
          requestIdentity: 'r-1',
          method: 'PUT',
          route: '/v2/service_instances/:instance_id',
          status: 202,
          durationMs: expect.any(Number),
          platform: 'kubernetes',
        },
      ]);
  });

  it('name the error of a refused request', async () => {
    finished.length = 0;
    await broker.send({ path: '/v2/service_instances/none' });
    await expect.poll(() => finished).toMatchObject([{ status: 404, errorCode: 'InstanceNotFound' }]);
  });
});
