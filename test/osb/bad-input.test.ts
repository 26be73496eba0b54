/** Whatever a client gets wrong in headers, paths and queries: the right 4xx, a sentence that helps, no row changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RefusingBroker } from './refusals.ts';
import { basic, type Sent } from './test-broker.ts';

const refusing = new RefusingBroker();
beforeAll(() => refusing.start());
afterAll(() => refusing.broker.close());

describe.each(refusing.verbs)('%s', (_name, good) => {
  it.each([
    ['no credentials', undefined],
    ['a wrong password', basic('platform', 'wrong')],
    ['a wrong user', basic('nobody', 'correct horse')],
    ['the password of another', basic('platform', 'battery staple')],
    ['no colon', `Basic ${Buffer.from('platform').toString('base64')}`],
    ['no base64', 'Basic !!!'],
    ['another scheme', 'Bearer correct horse'],
    ['an empty header', ''],
  ])('answers 401 to %s, even without a version', async (_case, authorization) => {
    const answer = await refusing.expectRefused(
      { ...good(), headers: { authorization, 'x-broker-api-version': undefined } },
      401,
      'Unauthorized',
      /^The credentials are missing or wrong\.$/,
    );
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/);
  });

  it.each([
    ['no', undefined, 412, /missing. Send/],
    ['an empty', '', 412, /missing. Send/],
    ['too old a', '2.10', 412, /Send X-Broker-API-Version 2.11 or a later 2.x/],
    ['the last century', '1.0', 412, /later 2.x/],
    ['a coming', '3.0', 412, /later 2.x/],
    ['a malformed', '2.x;drop', 400, /is not a version/],
  ])('refuses %s version', async (_case, version, status, description) => {
    const error = status === 412 ? 'PreconditionFailed' : 'BadRequest';
    await refusing.expectRefused(
      { ...good(), headers: { 'x-broker-api-version': version } },
      status,
      error,
      description,
    );
  });
});

describe.each(refusing.verbs.filter(([name]) => name !== 'catalog'))('%s', (_name, good) => {
  const withId = (sent: Sent, id: string): Sent => ({
    ...sent,
    path: sent.path.replace(
      /(instances|bindings)\/[^/?]+(?=$|\?|\/last_operation)/,
      (_all, kind: string) => `${kind}/${id}`,
    ),
  });
  it.each([
    ['malformed percent-encoding', '%zz', /percent-encoding/],
    ['percent-encoded bytes that are no UTF-8', '%ff%fe', /percent-encoding/],
    ['a NUL character', 'a%00b', /NUL character/],
    ['more than 1,000 bytes', 'x'.repeat(1001), /longer than 1000 bytes/],
    ['more than 1,000 bytes of emoji', encodeURIComponent('🐘'.repeat(251)), /longer than 1000 bytes/],
  ])('refuses an id with %s', async (_case, id, description) => {
    await refusing.expectRefused(withId(good(), id), 400, 'BadRequest', description);
  });
});

describe.each(refusing.verbsNamed('deprovision', 'unbind'))('%s', (_name, good) => {
  it.each([
    ['no ids', '?accepts_incomplete=true', /service_id and plan_id missing. Send both/],
    ['no service_id', '?accepts_incomplete=true&plan_id=usual', /service_id missing/],
    ['an empty plan_id', '?accepts_incomplete=true&service_id=service-pg&plan_id=', /plan_id missing/],
    [
      'another service',
      '?accepts_incomplete=true&service_id=other&plan_id=usual',
      /service_id "other" is not the one/,
    ],
    [
      'another plan',
      '?accepts_incomplete=true&service_id=service-pg&plan_id=slow',
      /plan_id "slow" is not the one/,
    ],
    [
      'two plans',
      '?accepts_incomplete=true&service_id=service-pg&plan_id=usual&plan_id=slow',
      /plan_id must be given once/,
    ],
    [
      'an odd accepts_incomplete',
      '?accepts_incomplete=yes&service_id=service-pg&plan_id=usual',
      /accepts_incomplete must be true or false/,
    ],
  ])('answers 400 to %s', async (_case, query, description) => {
    const sent = good();
    await refusing.expectRefused(
      { ...sent, path: `${sent.path.split('?')[0]}${query}` },
      400,
      'BadRequest',
      description,
    );
  });
});

describe.each(refusing.verbsNamed('provision', 'bind', 'deprovision', 'unbind'))('%s', (_name, good) => {
  it.each([
    ['no second part', 'kubernetes'],
    ['no base64', 'kubernetes !!!'],
    ['no JSON', `kubernetes ${Buffer.from('{').toString('base64')}`],
    ['no object', `kubernetes ${Buffer.from('[]').toString('base64')}`],
    ['prototype keys', `kubernetes ${Buffer.from('{"__proto__":1}').toString('base64')}`],
  ])('answers 400 to an originating identity with %s', async (_case, identity) => {
    await refusing.expectRefused(
      { ...good(), headers: { 'x-broker-api-originating-identity': identity } },
      400,
      'BadRequest',
      /X-Broker-API-Originating-Identity is malformed. Send/,
    );
  });
});
