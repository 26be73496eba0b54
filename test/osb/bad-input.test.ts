/** Whatever a client gets wrong: the right 4xx, a sentence that helps, and not one row changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boundBinding,
  deleteBinding,
  deleteInstance,
  instanceBody,
  newId,
  pollBinding,
  pollInstance,
  putBinding,
  putInstance,
  readyInstance,
} from './requests.ts';
import { type Answer, basic, type Sent, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
let instance: string;
let binding: string;
beforeAll(async () => {
  broker = await startTestBroker();
  instance = await readyInstance(broker);
  binding = await boundBinding(broker, instance);
});
afterAll(() => broker.close());

/** Each verb that we deliver, on things that exist. */
const verbs: [string, () => Sent][] = [
  ['catalog', () => ({ path: '/v2/catalog' })],
  ['provision', () => putInstance(newId())],
  ['fetch instance', () => ({ path: `/v2/service_instances/${instance}` })],
  ['instance last_operation', () => pollInstance(instance)],
  ['deprovision', () => deleteInstance(instance)],
  ['bind', () => putBinding(instance, newId())],
  ['fetch binding', () => ({ path: `/v2/service_instances/${instance}/service_bindings/${binding}` })],
  ['binding last_operation', () => pollBinding(instance, binding)],
  ['unbind', () => deleteBinding(instance, binding)],
];
const puts = verbs.filter(([name]) => name === 'provision' || name === 'bind');
const deletes = verbs.filter(([name]) => name === 'deprovision' || name === 'unbind');

async function refused(sent: Sent, status: number, error: string, description: RegExp): Promise<Answer> {
  const before = await broker.rows();
  const answer = await broker.send(sent);
  expect({ status: answer.status, ...answer.json }).toEqual({
    status,
    error,
    description: expect.stringMatching(description),
  });
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
  expect(await broker.rows()).toBe(before);
  return answer;
}

describe.each(verbs)('%s', (_name, good) => {
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
    const answer = await refused(
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
    await refused({ ...good(), headers: { 'x-broker-api-version': version } }, status, error, description);
  });
});

describe.each(verbs.filter(([name]) => name !== 'catalog'))('%s', (_name, good) => {
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
    await refused(withId(good(), id), 400, 'BadRequest', description);
  });
});

describe.each(puts)('%s', (_name, good) => {
  const withBody = (body: Sent['body'], headers: Sent['headers'] = {}): Sent => ({
    ...good(),
    ...(body === undefined ? {} : { body }),
    headers,
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['an empty body', '', /empty. Send a JSON object/],
    ['malformed JSON', '{"service_id":', /not valid JSON/],
    ['NaN', '{"parameters":{"a":NaN}}', /not valid JSON/],
    ['two values', '{} {}', /not valid JSON/],
    ['an array', '[]', /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['a string', '"x"', /not a JSON object/],
    ['a number', '42', /not a JSON object/],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not valid UTF-8/],
    ['nesting without end', '['.repeat(100_000), /nested deeper than 64/],
    ['deep nesting', `{"parameters":${'{"a":'.repeat(65)}1${'}'.repeat(66)}`, /nested deeper than 64/],
    ['a NUL character', '{"parameters":{"storage":"a\\u0000"}}', /parameters.storage holds a NUL/],
    ['half a surrogate pair', '{"organization_guid":"\\ud800"}', /organization_guid holds .* surrogate/],
    ['a NUL in a key', '{"parameters":{"a\\u0000":1}}', /parameters holds a NUL/],
    ['__proto__', '{"parameters":{"__proto__":{"admin":true}}}', /parameters holds a key named __proto__/],
    ['constructor', '{"context":{"a":[{"constructor":{}}]}}', /context.a.0 holds a key named constructor/],
    ['prototype', '{"prototype":{}}', /The body holds a key named prototype/],
    [
      'a number beyond all bounds',
      '{"parameters":{"replicas":1e400}}',
      /parameters.replicas is a number too large/,
    ],
    [
      'an integer that would be rounded',
      '{"parameters":{"replicas":9223372036854775808}}',
      /too large to be kept exactly/,
    ],
  ])('answers 400 to %s', async (_case, body, description) => {
    await refused(withBody(body), 400, 'BadRequest', description);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it.each([['text/plain'], ['application/x-www-form-urlencoded'], ['application/jsonp']])(
    'answers 400 to a Content-Type of %s',
    async (type) => {
      await refused(
        withBody('{}', { 'content-type': type }),
        400,
        'BadRequest',
        /Content-Type: application\/json/,
      );
    },
  );

  it('answers 400 to a compressed body, which could be a bomb', async () => {
    await refused(withBody('{}', { 'content-encoding': 'gzip' }), 400, 'BadRequest', /uncompressed/);
  });

  it('answers 413 to a body over 1 MiB, and takes one just below', async () => {
    await refused(withBody('x'.repeat(10 * 1024 * 1024)), 413, 'RequestTooLarge', /too large/);
    await refused(withBody(' '.repeat(1024 * 1024)), 400, 'BadRequest', /not valid JSON/);
  });

  it.each([
    ['no service_id', { service_id: undefined }, /^service_id must be a non-empty string/],
    ['an empty service_id', { service_id: '' }, /^service_id must be a non-empty string/],
    ['a null plan_id', { plan_id: null }, /^plan_id must be a non-empty string/],
    ['a number as plan_id', { plan_id: 42 }, /^plan_id must be a non-empty string/],
    ['parameters as text', { parameters: 'x' }, /^parameters must be a JSON object/],
    ['parameters as a list', { parameters: [] }, /^parameters must be a JSON object/],
    ['a context as a number', { context: 42 }, /^context must be a JSON object/],
  ])('answers 400 to %s', async (_case, values, description) => {
    const sent = good();
    await refused(
      { ...sent, body: JSON.stringify({ ...(sent.body as object), ...values }) },
      400,
      'BadRequest',
      description,
    );
  });

  it('names everything that is wrong at once', async () => {
    await refused(withBody('{"parameters":1}'), 400, 'BadRequest', /service_id.*; plan_id.*; .*parameters/);
  });

  it.each([
    ['an unknown service', { service_id: 'unknown' }, /service_id "unknown" is not/],
    ['an unknown plan', { plan_id: 'unknown' }, /plan_id "unknown" is not/],
  ])('answers 400 to %s', async (_case, values, description) => {
    const sent = good();
    await refused({ ...sent, body: { ...(sent.body as object), ...values } }, 400, 'BadRequest', description);
  });

  it('answers 400 to parameters that do not fit the schema, with the name of the rule', async () => {
    const sent = good();
    await refused(
      { ...sent, body: { ...(sent.body as object), parameters: { surprise: 1 } } },
      400,
      'InvalidParameters',
      /parameters must NOT have additional properties/,
    );
  });

  it.each([
    ['kube-system', 'NamespaceNotAllowed', /belongs to the cluster itself/],
    ['kube-anything', 'NamespaceNotAllowed', /belongs to the cluster itself/],
    ['chandler', 'NamespaceNotAllowed', /belongs to the cluster itself/],
    ['default', 'NamespaceNotAllowed', /may not be used with these credentials. Choose another/],
    ['not-team-a', 'NamespaceNotAllowed', /may not be used with these credentials/],
    ['shop2', 'NamespaceNotAllowed', /may not be used with these credentials/],
    ['', 'BadRequest', /not the name of a Kubernetes namespace. Send/],
    [42, 'BadRequest', /not the name of a Kubernetes namespace/],
    [{}, 'BadRequest', /not the name of a Kubernetes namespace/],
    [['team-a'], 'BadRequest', /not the name of a Kubernetes namespace/],
    ['..', 'BadRequest', /not the name of a Kubernetes namespace/],
    ['%2e%2e', 'BadRequest', /not the name of a Kubernetes namespace/],
    ['team-a/../kube-system', 'BadRequest', /not the name of a Kubernetes namespace/],
    ['Team-a', 'BadRequest', /not the name of a Kubernetes namespace/],
    ['team-a\n', 'BadRequest', /not the name of a Kubernetes namespace/],
    ['team\u2024a', 'BadRequest', /not the name of a Kubernetes namespace/],
    [`team-${'a'.repeat(59)}`, 'BadRequest', /not the name of a Kubernetes namespace/],
  ])('refuses the namespace %j', async (namespace, error, description) => {
    const sent = good();
    await refused(
      { ...sent, body: { ...(sent.body as object), context: { namespace } } },
      400,
      error,
      description,
    );
  });
});

describe('provision', () => {
  it.each([['organization_guid'], ['space_guid']])(
    'answers 400 when %s is missing or empty',
    async (field) => {
      const { [field]: _left, ...rest } = instanceBody;
      for (const values of [rest, { ...rest, [field]: '' }, { ...rest, [field]: null }]) {
        await refused(
          { ...putInstance(newId()), body: values },
          400,
          'BadRequest',
          new RegExp(`^${field} must be a non-empty string`),
        );
      }
    },
  );
});

describe('bind', () => {
  it('answers 400 to the rotation of a binding, which no plan supports', async () => {
    await refused(
      putBinding(instance, newId(), { predecessor_binding_id: binding }),
      400,
      'BadRequest',
      /does not support the rotation/,
    );
  });

  it('answers 400 when the inherited namespace is not one of the caller', async () => {
    const { worker, store } = broker;
    const id = newId('instance');
    await broker.send(putInstance(id));
    await worker.putOffAll();
    await broker.query(
      `update service_instances set context_namespace = 'secret-team', state = 'ready' where instance_id = '${id}'`,
    );
    expect((await store.findInstance({ platform: 'kubernetes', instanceId: id }))?.state).toBe('ready');
    await refused(putBinding(id, newId()), 400, 'NamespaceNotAllowed', /secret-team may not be used/);
  });
});

describe.each(deletes)('%s', (_name, good) => {
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
    await refused({ ...sent, path: `${sent.path.split('?')[0]}${query}` }, 400, 'BadRequest', description);
  });
});

describe.each([...puts, ...deletes])('%s', (_name, good) => {
  it.each([
    ['no second part', 'kubernetes'],
    ['no base64', 'kubernetes !!!'],
    ['no JSON', `kubernetes ${Buffer.from('{').toString('base64')}`],
    ['no object', `kubernetes ${Buffer.from('[]').toString('base64')}`],
    ['prototype keys', `kubernetes ${Buffer.from('{"__proto__":1}').toString('base64')}`],
  ])('answers 400 to an originating identity with %s', async (_case, identity) => {
    await refused(
      { ...good(), headers: { 'x-broker-api-originating-identity': identity } },
      400,
      'BadRequest',
      /X-Broker-API-Originating-Identity is malformed. Send/,
    );
  });
});

describe('legal ids, however odd', () => {
  const ids = [
    ['a slash', 'a%2Fb'],
    ['a slash and dots', '..%2F..%2Fetc%2Fpasswd'],
    ['dots', '..'],
    ['percent-encoded dots', '%2e%2e%2e'],
    ['a number', '42'],
    ['300 characters', 'x'.repeat(300)],
    ['an emoji', encodeURIComponent('🐘💥')],
    ['right-to-left text', encodeURIComponent('עברית')],
    [
      '1,000 bytes that do not compress',
      Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 36).toString(36)).join(''),
    ],
    ['capitals', 'ABC'],
    ['the same in small letters', 'abc'],
    ['spaces and quotes', encodeURIComponent(`a 'b' "c"; drop table x`)],
    ['a question mark and a hash', encodeURIComponent('?x=1#y')],
    ['the name of a path', 'last_operation'],
    ['prototype', '__proto__'],
  ] as const;

  it.each(ids)(
    '%s: provision, bind, fetch, poll, unbind and deprovision work under a safe name',
    async (_case, id) => {
      const platformKey = { platform: 'kubernetes', instanceId: decodeURIComponent(id) };
      expect((await broker.send(putInstance(id))).status).toBe(202);
      await broker.worker.finishNext();
      expect((await broker.send({ path: `/v2/service_instances/${id}` })).status).toBe(200);
      expect((await broker.send(pollInstance(id))).json.state).toBe('succeeded');
      const made = await broker.store.findInstance(platformKey);
      expect(made?.externalName).toMatch(/^i-[a-z2-7]{20}$/);

      const [bound] = await Promise.all([
        broker.send(putBinding(id, id, {}, '')),
        broker.worker.finishNext(),
      ]);
      expect(bound.status).toBe(201);
      expect((await broker.send({ path: `/v2/service_instances/${id}/service_bindings/${id}` })).status).toBe(
        200,
      );
      expect((await broker.send(pollBinding(id, id))).json.state).toBe('succeeded');
      expect(
        (await broker.store.findBinding({ ...platformKey, bindingId: platformKey.instanceId }))?.externalName,
      ).toMatch(/^b-[a-z2-7]{20}$/);
      const [unbound] = await Promise.all([
        broker.send(deleteBinding(id, id, '?service_id=service-pg&plan_id=usual')),
        broker.worker.finishNext(),
      ]);
      expect(unbound.status).toBe(200);
      expect((await broker.send(deleteInstance(id))).status).toBe(202);
      await broker.worker.finishNext();
      expect((await broker.send(deleteInstance(id))).status).toBe(410);
    },
  );

  it('no two of them share a name', async () => {
    const rows = await broker.query(
      'select count(distinct external_name) as names, count(*) as rows from service_instances',
    );
    expect(rows[0]?.names).toBe(rows[0]?.rows);
  });
});

describe('an originating identity', () => {
  it.each([
    ['{"username":"jo"}'],
    ['{}'],
    ['{"user_id":"683ea748-3092-4ff4-b656-39cacc4d5360","extra":{"a":["b"]}}'],
  ])('of %s is accepted and sealed', async (identity) => {
    const value = Buffer.from(identity).toString('base64');
    const answer = await broker.send({
      ...putInstance(newId()),
      headers: { 'x-broker-api-originating-identity': `kubernetes ${value}` },
    });
    expect(answer.status).toBe(202);
    const [row] = await broker.query(
      'select o::text as text from operations o order by position desc limit 1',
    );
    expect(row?.text).toMatch(/in progress/);
    if (identity !== '{}') expect(row?.text).not.toMatch(/jo"|683ea748/);
  });
});
