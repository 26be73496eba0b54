/** Several credentials: two of one platform while its password is changed, and one of another platform. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { osbOptionsFor } from '../../src/domain/osb-options.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import type { BasicCredential } from '../../src/osb/types.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
} from '../support/osb-broker.ts';
import { type Answer, basic, type Sent } from '../support/osb-client.ts';
import { endpoints, requestOf } from './every-endpoint.ts';

const credential = (platform: string, username: string, password: string): BasicCredential => ({
  username,
  password: new Redacted(password),
  platform,
  namespaces: ['*'],
  delivers: false,
  options: osbOptionsFor(platform),
});

const headers = {
  old: { authorization: basic('one', 'old password') },
  next: { authorization: basic('one', 'next:password') },
  renamed: { authorization: basic('one-b', 'third password') },
  other: { authorization: basic('two', 'old password') },
};
type Who = keyof typeof headers;

let broker: OsbBroker;
const send = (who: Who, sent: Sent): Promise<Answer> =>
  broker.send({ ...sent, headers: { ...sent.headers, ...headers[who] } });

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      credential('platform-one', 'one', 'old password'),
      credential('platform-one', 'one', 'next:password'),
      credential('platform-one', 'one-b', 'third password'),
      credential('platform-two', 'two', 'old password'),
    ],
  });
});
afterAll(() => broker.close());

/** An instance with a binding, made by one credential. */
async function made(who: Who): Promise<{ one: FakeRequests; id: string }> {
  const [one, id] = [fakeRequests('quick'), freshId()];
  expect((await send(who, one.provision())).status).toBe(201);
  expect((await send(who, one.bind(id))).status).toBe(201);
  return { one, id };
}

describe('two live credentials of one platform', () => {
  it('see and change the same instances, so that a password can be changed without a break', async () => {
    const { one, id } = await made('old');
    let parameters = {};
    for (const who of ['next', 'renamed', 'old'] as const) {
      expect((await send(who, one.provision({ parameters }))).status).toBe(200);
      expect((await send(who, one.fetch())).status).toBe(200);
      expect((await send(who, one.poll())).json.state).toBe('succeeded');
      parameters = { note: who };
      expect((await send(who, one.update({ parameters }))).status).toBe(200);
      expect((await send(who, one.bind(id))).status).toBe(200);
      expect((await send(who, one.fetchBinding(id))).status).toBe(200);
    }
    expect((await send('next', one.unbind(id))).status).toBe(200);
    expect((await send('renamed', one.deprovision())).status).toBe(200);
  });

  it('are each taken as a whole: no user name goes with the password of another one', async () => {
    for (const [username, password] of [
      ['one', 'third password'],
      ['one-b', 'old password'],
      ['one', 'next'],
      ['one', 'old password next:password'],
      ['two', 'next:password'],
      ['one', ''],
      ['', 'old password'],
      ['', ''],
    ] as const) {
      const answer = await broker.send({
        path: '/v2/catalog',
        headers: { authorization: basic(username, password) },
      });
      expect([username, answer.status]).toEqual([username, 401]);
    }
  });
});

describe('instances of another platform', () => {
  it.each(endpoints)('do not exist for %s', async (endpoint) => {
    const { one, id } = await made('old');
    const before = await broker.rows();
    const statuses = {
      catalog: 200,
      fetch: 404,
      poll: 404,
      update: 404,
      deprovision: 410,
      bind: 404,
      'fetch binding': 404,
      'poll binding': 404,
      unbind: 410,
    };
    if (endpoint === 'provision') {
      // The id is free: what is made under it is another instance.
      const other = { plan_id: 'rotating', parameters: {} };
      expect((await send('other', one.provision(other))).status).toBe(201);
      expect((await send('old', one.fetch())).json.plan_id).toBe('quick');
      expect((await send('other', one.fetch())).json.plan_id).toBe('rotating');
      return;
    }
    expect((await send('other', requestOf(endpoint, one, id))).status).toBe(statuses[endpoint]);
    expect(await broker.rows()).toBe(before);
  });

  it('under the same ids have a life of their own', async () => {
    const { one, id } = await made('old');
    expect((await send('other', one.provision())).status).toBe(201);
    expect((await send('other', one.bind(id))).status).toBe(201);
    const loginOf = async (who: Who) => (await send(who, one.fetchBinding(id))).json.credentials;
    expect(await loginOf('other')).not.toEqual(await loginOf('old'));
    expect((await send('other', one.unbind(id))).status).toBe(200);
    expect((await send('other', one.deprovision())).status).toBe(200);
    expect((await send('old', one.fetchBinding(id))).status).toBe(200);
    expect((await send('old', one.deprovision())).status).toBe(200);
  });

  it('are not told by the token of their operation', async () => {
    const slow = fakeRequests('slow');
    const failing = { parameters: { fail: 'provision' } };
    const forever = { parameters: { milliseconds: 600_000 } };
    const operation = (await send('old', slow.provision(forever))).json.operation as string;
    await send('other', slow.provision(failing));
    const polled = () => send('other', slow.poll(`?operation=${operation}`));
    await expect.poll(async () => (await polled()).json.state).toBe('failed');
    expect((await send('old', slow.poll())).json.state).toBe('in progress');
    await send('old', slow.deprovision());
  });
});
