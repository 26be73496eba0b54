/** What holds for every endpoint: credentials, versions, headers, and what is echoed. */
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { osbOptionsFor } from '../../src/domain/osb-options.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import type { RequestFields } from '../../src/telemetry/events.ts';
import { makeCertificate } from '../support/certificate.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
} from '../support/osb-broker.ts';
import { type Answer, basic, credential, type Sent } from '../support/osb-client.ts';
import { changing, type Endpoint, endpoints, requestOf } from './every-endpoint.ts';
import { faultyProvision, loadFaultyCatalog } from './faulty-catalog.ts';
import { expectRefusal, untilIdle } from './refusal.ts';

const binding = freshId();
const requests: FakeRequests = fakeRequests('quick');
const finished: RequestFields[] = [];
let broker: OsbBroker;

const lenient = basic('lenient', 'let it pass');

beforeAll(async () => {
  broker = await startOsbBroker({
    catalog: await loadFaultyCatalog(),
    credentials: [
      ...testCredentials(),
      {
        username: 'lenient',
        password: new Redacted('let it pass'),
        platform: 'lenient',
        namespaces: ['*'],
        delivers: false,
        options: osbOptionsFor('lenient', { malformedOriginatingIdentity: 'ignore' }),
      },
    ],
    events: { requestFinished: (fields) => finished.push(fields) },
  });
  expect((await broker.send(requests.provision())).status).toBe(201);
  expect((await broker.send(requests.bind(binding))).status).toBe(201);
});
afterAll(() => broker.close());

const good = (endpoint: Endpoint): Sent => requestOf(endpoint, requests, binding);

async function refused(sent: Sent, status: number, description: RegExp): Promise<Answer> {
  await untilIdle(broker);
  return expectRefusal(broker, sent, { status, description });
}

describe('credentials', () => {
  it.each(endpoints)(
    '[1] %s answers 401 to missing or wrong credentials, whatever else is wrong with it',
    async (endpoint) => {
      const wrong = [
        undefined,
        '',
        'Basic',
        'Basic ====',
        basic('platform', 'wrong'),
        basic('platform', ''),
        basic('other', 'correct horse'),
        `Basic ${Buffer.from('platform').toString('base64')}`,
        `Bearer ${Buffer.from('platform:correct horse').toString('base64')}`,
      ];
      for (const authorization of wrong) {
        const headers = { authorization };
        const answer = await refused({ ...good(endpoint), headers }, 401, /credentials/);
        expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="[^"]+"/);
      }
      const headers = { authorization: undefined, 'x-broker-api-version': undefined };
      await refused({ ...good(endpoint), headers, body: '{' }, 401, /credentials/);
    },
  );
});

describe('transport', () => {
  it('[2] the broker speaks TLS when it has a certificate, and nothing else on that port', async () => {
    const certificate = await makeCertificate();
    const secure = await startOsbBroker({ tls: { ...certificate, onFault: () => undefined } });
    const ca = await certificate.read();
    const get = (headers: Record<string, string>, trust: object) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { headers, agent: false, ...trust };
        const sent = request(`${secure.url}/v2/catalog`, options, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on('error', reject).end();
      });
    try {
      expect(secure.url).toMatch(/^https:/);
      const version = { 'x-broker-api-version': '2.17' };
      expect(await get({ ...version, authorization: credential }, { ca })).toBe(200);
      expect(await get(version, { ca })).toBe(401);
      await expect(get(version, {})).rejects.toThrow(/self-signed certificate/);
      await expect(secure.send({ path: '/v2/catalog' })).rejects.toThrow();
    } finally {
      await secure.close();
      await certificate.remove();
    }
  });

  it('[2] basic authentication is the only one unless both sides agreed on another', async () => {
    for (const scheme of ['Bearer', 'Digest', 'Negotiate', 'Token']) {
      const authorization = credential.replace('Basic', scheme);
      const answer = await refused({ ...good('fetch'), headers: { authorization } }, 401, /credentials/);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
    }
    const authorization = credential.replace('Basic', 'bASIC');
    expect((await broker.send({ ...good('fetch'), headers: { authorization } })).status).toBe(200);
  });
});

describe('versions', () => {
  it.each(endpoints)('[3] %s answers 412 when the version is missing or empty', async (endpoint) => {
    for (const version of [undefined, '', ' ']) {
      const headers = { 'x-broker-api-version': version };
      await refused({ ...good(endpoint), headers }, 412, /X-Broker-API-Version is missing/);
    }
  });

  it.each(['2.11', '2.13', '2.14', '2.15', '2.16', '2.17', '2.18', '2.99', '2.1000'])(
    '[4] version %s is served',
    async (version) => {
      const headers = { 'x-broker-api-version': version };
      for (const endpoint of ['catalog', 'fetch', 'poll', 'fetch binding'] as const) {
        expect((await broker.send({ ...good(endpoint), headers })).status, endpoint).toBe(200);
      }
    },
  );

  it.each(endpoints)(
    '[4] %s answers 412 to versions before 2.11 and to other majors, and names the one to send',
    async (endpoint) => {
      for (const version of ['2.10', '2.0', '1.11', '1.17', '3.0', '3.17', '21.7']) {
        const headers = { 'x-broker-api-version': version };
        await refused({ ...good(endpoint), headers }, 412, /X-Broker-API-Version 2\.11 or a later 2\.x/);
      }
      for (const version of ['2', '2.17.0', 'v2.17', 'latest', '-2.17']) {
        const headers = { 'x-broker-api-version': version };
        await refused({ ...good(endpoint), headers }, 400, /not a version/);
      }
    },
  );
});

describe('X-Broker-API-Originating-Identity', () => {
  const header = (value: string) => ({ 'x-broker-api-originating-identity': value });
  const encoded = (text: string) => Buffer.from(text).toString('base64');

  it.each([
    ['Cloud Foundry', 'cloudfoundry', { user_id: '683ea748-3092' }],
    ['Kubernetes', 'kubernetes', { username: 'josephine', uid: '1', groups: ['a'], extra: { k: ['v'] } }],
    ['Service Catalog, without what is empty', 'kubernetes', { username: 'josephine', groups: ['a'] }],
    ['nobody', 'kubernetes', {}],
    ['a platform that nobody knows', 'my-platform/1', { anything: null }],
  ])('[5] of %s is taken, and kept sealed with the operation', async (_who, platform, identity) => {
    const headers = header(`${platform} ${encoded(JSON.stringify(identity))}`);
    const fresh = fakeRequests('slow');
    const { status, json } = await broker.send({ ...fresh.provision(), headers });
    expect(status).toBe(202);
    expect(
      await broker.query(
        `select originating_identity_sealed is not null as kept, position('josephine' in o::text) > 0 as readable
         from operations o where uid = '${json.operation as string}'`,
      ),
    ).toEqual([{ kept: true, readable: false }]);
  });

  const malformed = [
    'kubernetes',
    encoded('{}'),
    'kubernetes {"username":"jo"}',
    `kubernetes ${encoded('[]')}`,
    `kubernetes ${encoded('"jo"')}`,
    `kubernetes ${encoded('{"username":')}`,
    `kubernetes ${encoded('{}')} more`,
  ];

  it.each(changing)('[5] %s answers 400 when it cannot be read', async (endpoint) => {
    for (const value of malformed) {
      const sent = { ...good(endpoint), headers: header(value) };
      await refused(sent, 400, /X-Broker-API-Originating-Identity is malformed/);
    }
  });

  it('[5] is not looked at by what changes nothing', async () => {
    for (const endpoint of ['catalog', 'fetch', 'poll', 'fetch binding', 'poll binding'] as const) {
      const answer = await broker.send({ ...good(endpoint), headers: header('kubernetes') });
      expect(answer.status, endpoint).toBe(200);
    }
  });

  it('[5] is dropped when it cannot be read and the option malformedOriginatingIdentity says so', async () => {
    for (const value of malformed) {
      const headers = { ...header(value), authorization: lenient };
      const { status, json } = await broker.send({ ...fakeRequests('slow').provision(), headers });
      expect(status, value).toBe(202);
      expect(
        await broker.query(
          `select originating_identity_sealed as identity from operations where uid = '${json.operation as string}'`,
        ),
      ).toEqual([{ identity: null }]);
    }
  });
});

describe('X-Broker-API-Request-Identity', () => {
  const instanceOf = (id: string) => `/v2/service_instances/${id}`;

  it.each<[string, number, () => Sent]>([
    ['the catalog', 200, () => good('catalog')],
    ['a finished request', 200, () => requests.provision()],
    ['a new instance', 201, () => fakeRequests('quick').provision()],
    ['an operation', 202, () => fakeRequests('slow').provision()],
    ['a malformed body', 400, () => ({ ...good('provision'), body: '{' })],
    ['a malformed path', 400, () => ({ path: instanceOf('%ff') })],
    ['missing credentials', 401, () => ({ ...good('fetch'), headers: { authorization: undefined } })],
    ['something unknown', 404, () => ({ path: instanceOf(freshId()) })],
    ['a path that is not there', 404, () => ({ path: '/nowhere' })],
    ['a method that is not there', 405, () => ({ method: 'POST', path: '/v2/catalog', body: {} })],
    ['a conflict', 409, () => requests.provision({ plan_id: 'slow' })],
    ['something gone', 410, () => fakeRequests().deprovision()],
    ['a missing version', 412, () => ({ ...good('poll'), headers: { 'x-broker-api-version': undefined } })],
    ['a large body', 413, () => ({ ...good('update'), body: ' '.repeat(2 * 1024 * 1024) })],
    ['an operation that must be polled', 422, () => fakeRequests('slow').provision({}, '')],
    ['a fault of the broker', 500, () => faultyProvision()],
  ])('[6] is echoed in the answer to %s, which is %i', async (_what, status, sent) => {
    const identity = freshId();
    const { headers, ...rest } = sent();
    const answer = await broker.send({
      ...rest,
      headers: { ...headers, 'x-broker-api-request-identity': identity },
    });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-broker-api-request-identity']).toBe(identity);
    await expect
      .poll(() => finished)
      .toContainEqual(expect.objectContaining({ requestIdentity: identity, status }));
  });

  it('[6] is not made up for a request that has none', async () => {
    expect((await broker.send(good('catalog'))).headers).not.toHaveProperty('x-broker-api-request-identity');
  });
});
