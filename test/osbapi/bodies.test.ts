/** How bodies, queries and ids are read, and that every success is a JSON object. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { fakeRequests, freshId, type OsbBroker, startOsbBroker, untilOver } from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';
import { type Endpoint, endpoints, requestOf, withBody } from './every-endpoint.ts';
import { expectRefusal } from './refusal.ts';

const binding = freshId();
const requests = fakeRequests('quick');
let broker: OsbBroker;
beforeAll(async () => {
  broker = await startOsbBroker();
  expect((await broker.send(requests.provision())).status).toBe(201);
  expect((await broker.send(requests.bind(binding))).status).toBe(201);
});
afterAll(() => broker.close());

const good = (endpoint: Endpoint): Sent => requestOf(endpoint, requests, binding);
const refused = (sent: Sent, status: number, description: RegExp): Promise<Answer> =>
  expectRefusal(broker, sent, { status, description });

describe('fields that nobody knows', () => {
  const unknown: JsonObject = {
    'com.example/extension': { deep: [{ er: null }] },
    nothing: null,
    operation: 7,
    credentials: 'text',
  };
  /** What could not be kept as it is, sent as text because JSON.stringify would mend it. */
  const unstorable = '"far": 1e400, "exact": 12345678901234567890, "nul": "\\u0000", "__proto__": {"a": 1}';
  const extended = ({ body, path, ...sent }: Sent): Sent => ({
    ...sent,
    path: `${path}${path.includes('?') ? '&' : '?'}unknown=1&unknown=2&description=x`,
    headers: { 'content-type': 'application/json' },
    body: `{${unstorable}, ${JSON.stringify({ ...unknown, ...(body as JsonObject) }).slice(1)}`,
  });

  it('[7] are ignored in a provision, and do not make a repeat another request', async () => {
    const fresh = fakeRequests('quick');
    const nested = {
      context: { platform: 'kubernetes', namespace: 'team-a', unknown: { a: [1] } },
      maintenance_info: { version: '1.4.0', unknown: true },
    };
    expect((await broker.send(extended(fresh.provision(nested)))).status).toBe(201);
    expect((await broker.send(fresh.provision())).status).toBe(200);
    expect((await broker.send(fresh.fetch())).json).not.toHaveProperty('parameters');
  });

  it('[7] are ignored in an update', async () => {
    const note = freshId();
    const values = { parameters: { note }, previous_values: { plan_id: 7, unknown: [] } };
    expect((await broker.send(extended(requests.update(values)))).status).toBe(200);
    expect((await broker.send(requests.fetch())).json.parameters).toMatchObject({ note });
  });

  it('[7] are ignored in a bind, and do not make a repeat another request', async () => {
    const id = freshId();
    const values = { bind_resource: { unknown: {}, credential_client_id: 'x' }, context: { unknown: [] } };
    expect((await broker.send(extended(requests.bind(id, values)))).status).toBe(201);
    expect((await broker.send(requests.bind(id))).status).toBe(200);
  });

  it('[7] are ignored in a query', async () => {
    for (const endpoint of ['catalog', 'fetch', 'poll', 'fetch binding', 'poll binding'] as const) {
      const sent = good(endpoint);
      expect((await broker.send({ path: `${sent.path}?unknown=1&unknown=2` })).status, endpoint).toBe(200);
    }
  });

  it('[7] but parameters are held against the schema of the plan', async () => {
    const sent = fakeRequests('quick').provision({ parameters: { unknown: 1 } });
    await refused(sent, 400, /no parameter `unknown`/);
  });
});

describe('bodies', () => {
  it.each(endpoints)('[8] %s answers in JSON, also what it refuses', async (endpoint) => {
    if (endpoint !== 'deprovision' && endpoint !== 'unbind') {
      const { status, headers } = await broker.send(good(endpoint));
      expect(status).toBeLessThan(300);
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
    }
    const { headers } = await broker.send({ ...good(endpoint), headers: { 'x-broker-api-version': '1.0' } });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it.each(withBody)(
    '[8] %s reads JSON without a Content-Type, and with any that is JSON',
    async (endpoint) => {
      const types = [
        undefined,
        'application/json',
        'Application/JSON; charset=utf-8',
        'application/vnd.x+json',
      ];
      for (const type of types) {
        const sent = good(endpoint);
        const body = JSON.stringify(sent.body);
        const answer = await broker.send({ ...sent, body, headers: { 'content-type': type } });
        expect([200, 201], `${type}: ${answer.text}`).toContain(answer.status);
      }
    },
  );

  it.each(withBody)(
    '[8] %s answers 400 to another Content-Type and to what is no JSON object',
    async (endpoint) => {
      const sent = good(endpoint);
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
        const body = JSON.stringify(sent.body);
        await refused({ ...sent, body, headers: { 'content-type': type } }, 400, /Content-Type/);
      }
      for (const body of ['', '{', '[]', 'null', '"text"', '{"service_id": fake-service}']) {
        await refused({ ...sent, body }, 400, /Send .*JSON object/);
      }
    },
  );

  it('[9] of GET and DELETE may be empty under a JSON Content-Type, as Korifi sends them', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': '0' };
    for (const endpoint of ['catalog', 'fetch', 'poll', 'fetch binding', 'poll binding'] as const) {
      expect((await broker.send({ ...good(endpoint), headers })).status, endpoint).toBe(200);
    }
    const gone = fakeRequests('quick');
    await broker.send(gone.provision());
    await broker.send(gone.bind('b'));
    expect((await broker.send({ ...gone.unbind('b'), headers })).status).toBe(200);
    expect((await broker.send({ ...gone.deprovision(), headers })).status).toBe(200);
  });
});

describe('null and empty values of real clients are absent', () => {
  const nothing = { parameters: null, context: null, maintenance_info: null };

  it.each<[string, JsonObject]>([
    ['null', nothing],
    ['empty', { parameters: {}, context: {}, maintenance_info: {} }],
    ['an empty version', { maintenance_info: { version: '' } }],
    ['a version of null', { maintenance_info: { version: null } }],
  ])('[10] in a provision: %s', async (_what, values) => {
    const fresh = fakeRequests('quick');
    expect((await broker.send(fresh.provision(values))).status).toBe(201);
    expect((await broker.send(fresh.provision())).status).toBe(200);
  });

  it.each<[string, JsonObject]>([
    ['null', { ...nothing, plan_id: null, previous_values: null }],
    ['empty', { plan_id: '', context: {}, maintenance_info: {}, previous_values: { maintenance_info: {} } }],
  ])('[10] in an update: %s', async (_what, values) => {
    const fresh = fakeRequests('quick');
    await broker.send(fresh.provision({ parameters: { note: 'kept' } }));
    expect((await broker.send(fresh.update(values))).status).toBe(200);
    expect((await broker.send(fresh.fetch())).json).toMatchObject({
      plan_id: 'quick',
      parameters: { note: 'kept' },
      maintenance_info: { version: '1.4.0' },
    });
  });

  it.each<[string, JsonObject]>([
    ['null', { ...nothing, app_guid: null, bind_resource: null, predecessor_binding_id: null }],
    ['an app of Korifi', { parameters: null, app_guid: '', bind_resource: { app_guid: '' } }],
    ['empty', { parameters: {}, context: {}, bind_resource: {}, predecessor_binding_id: '' }],
  ])('[10] in a bind: %s', async (_what, values) => {
    const id = freshId();
    expect((await broker.send(requests.bind(id, values))).status).toBe(201);
    expect((await broker.send(requests.bind(id))).status).toBe(200);
  });

  it('[10] an empty app is no app, and an empty service no service', async () => {
    const appOnly = fakeRequests('app-only');
    await broker.send(appOnly.provision());
    expect((await untilOver(broker, appOnly.poll())).json.state).toBe('succeeded');
    for (const values of [{ app_guid: '' }, { bind_resource: { app_guid: '' } }, { app_guid: null }]) {
      await refused(appOnly.bind(freshId(), values), 422, /through binding an application only/);
    }
    for (const service_id of ['', null]) {
      await refused(fakeRequests('quick').provision({ service_id }), 400, /service_id must be/);
    }
  });
});

describe('ids', () => {
  const unreserved = `Az09-._~${freshId()}`;
  it.each([
    ['unreserved characters', unreserved, unreserved],
    ['a slash', `a%2Fb${freshId()}`, undefined],
    ['dots', '..', undefined],
    ['a percent sign', '100%25', undefined],
    ['a plus, which is no space', `a+b${freshId()}`, undefined],
    ['a space', `a%20b${freshId()}`, undefined],
    ['letters beyond ASCII', encodeURIComponent('größe-🐘'), undefined],
    ['the name of a path', 'last_operation', undefined],
    ['a UUID', '0c9f6f0e-7f0a-4c55-8c0a-5a6a5d1f2e01', '%30c9f6f0e-7f0a-4c55-8c0a-5a6a5d1f2e01'],
  ])('[11] are opaque, and decoded once: %s', async (_what, id, spelledOtherwise = id) => {
    const one = fakeRequests('quick', id);
    const same = fakeRequests('quick', spelledOtherwise);
    expect((await broker.send(one.provision())).status).toBe(201);
    const key = { platform: 'kubernetes', instanceId: decodeURIComponent(id) };
    expect((await broker.store.findInstance(key))?.instanceId).toBe(key.instanceId);
    expect((await broker.send(same.fetch())).status).toBe(200);
    expect((await broker.send(same.poll())).json.state).toBe('succeeded');
    expect((await broker.send(same.update({ parameters: { note: 'x' } }))).status).toBe(200);
    expect((await broker.send(one.bind(id))).status).toBe(201);
    expect((await broker.store.findBinding({ ...key, bindingId: key.instanceId }))?.state).toBe('bound');
    expect((await broker.send(same.fetchBinding(spelledOtherwise))).status).toBe(200);
    expect((await broker.send(same.pollBinding(spelledOtherwise))).json.state).toBe('succeeded');
    expect((await broker.send(same.unbind(spelledOtherwise))).status).toBe(200);
    expect((await broker.send(same.deprovision())).status).toBe(200);
    expect((await broker.send(one.deprovision())).status).toBe(410);
  });

  it('[11] that differ in their case, or in what a decoder may eat, are different', async () => {
    const id = freshId();
    const spellings = [`${id}A`, `${id}a`, `${id}%2Fa`, `${id}%252Fa`, `${id}+`, `${id}%20`];
    for (const each of spellings) {
      expect((await broker.send(fakeRequests('quick', each).provision())).status, each).toBe(201);
    }
  });

  it('[11] in a query are decoded, too', async () => {
    const fresh = fakeRequests('quick');
    await broker.send(fresh.provision());
    await broker.send(fresh.bind('b'));
    const query = 'service_id=fake%2Dservice&plan_id=%71uick';
    expect((await broker.send(fresh.unbind('b', query))).status).toBe(200);
    expect((await broker.send(fresh.deprovision(query))).status).toBe(200);
  });
});

describe('every success', () => {
  it.each([
    ['synchronous', 'quick', ''],
    ['asynchronous', 'slow', 'accepts_incomplete=true'],
  ])('[12] has a JSON object for a body and is never 204: %s', async (_how, plan, query) => {
    const one = fakeRequests(plan);
    const ids = `${query}&service_id=fake-service&plan_id=${plan}`;
    const expectObject = async (sent: Sent, status: number) => {
      const answer = await broker.send(sent);
      expect([answer.status, answer.text.at(0), answer.text.at(-1)]).toEqual([status, '{', '}']);
    };
    const [made, done] = plan === 'quick' ? [201, 200] : [202, 202];
    await expectObject(one.provision({}, query), made);
    await untilOver(broker, one.poll());
    await expectObject(one.provision({}, query), 200);
    await expectObject(one.fetch(), 200);
    await expectObject(one.update({ parameters: { note: 'x' } }, query), done);
    await untilOver(broker, one.poll());
    await expectObject(one.update({}, query), 200);
    await expectObject(one.bind('b', {}, query), made);
    await untilOver(broker, one.pollBinding('b'));
    await expectObject(one.bind('b', {}, query), 200);
    await expectObject(one.fetchBinding('b'), 200);
    await expectObject(one.pollBinding('b'), 200);
    await expectObject(one.unbind('b', ids), done);
    await untilOver(broker, one.pollBinding('b'));
    await expectObject(one.deprovision(ids), done);
    await untilOver(broker, one.poll());
    await expectObject(one.poll(), 200);
    // Clients parse this body as well.
    await expectObject(one.unbind('b', ids), 410);
    await expectObject(one.deprovision(ids), 410);
  });
});
