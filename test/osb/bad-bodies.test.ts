/** Whatever a client gets wrong in a body: the right 4xx, a sentence that helps, no row changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RefusingBroker } from './refusals.ts';
import { instanceBody, newId, putBinding, putInstance } from './requests.ts';
import type { Sent } from './test-broker.ts';

const refusing = new RefusingBroker();
beforeAll(() => refusing.start());
afterAll(() => refusing.broker.close());

describe.each(refusing.verbsNamed('provision', 'bind'))('%s', (_name, good) => {
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
    ['half a surrogate pair', '{"context":{"a":"\\ud800"}}', /context.a holds .* surrogate/],
    ['a NUL in a key', '{"parameters":{"a\\u0000":1}}', /The field parameters holds a NUL/],
    [
      'a key that rules terminals',
      '{"context":{"a\\u001b[2J b":{"":1e400}}}',
      /^The field context\.a\?\[2J\?b\. is a number/,
    ],
    ['__proto__', '{"parameters":{"__proto__":{"admin":true}}}', /parameters holds a key named __proto__/],
    ['constructor', '{"context":{"a":[{"constructor":{}}]}}', /context.a.0 holds a key named constructor/],
    ['prototype', '{"context":{"prototype":{}}}', /The field context holds a key named prototype/],
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
    await refusing.expectRefused(withBody(body), 400, 'BadRequest', description);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it.each([['text/plain'], ['application/x-www-form-urlencoded'], ['application/jsonp']])(
    'answers 400 to a Content-Type of %s',
    async (type) => {
      await refusing.expectRefused(
        withBody('{}', { 'content-type': type }),
        400,
        'BadRequest',
        /Content-Type: application\/json/,
      );
    },
  );

  it('answers 400 to a compressed body, which could be a bomb', async () => {
    await refusing.expectRefused(
      withBody('{}', { 'content-encoding': 'gzip' }),
      400,
      'BadRequest',
      /uncompressed/,
    );
  });

  it('answers 413 to a body over 1 MiB, and takes one just below', async () => {
    await refusing.expectRefused(withBody('x'.repeat(10 * 1024 * 1024)), 413, 'RequestTooLarge', /too large/);
    await refusing.expectRefused(withBody(' '.repeat(1024 * 1024)), 400, 'BadRequest', /not valid JSON/);
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
    await refusing.expectRefused(
      { ...sent, body: JSON.stringify({ ...(sent.body as object), ...values }) },
      400,
      'BadRequest',
      description,
    );
  });

  it('names everything that is wrong at once', async () => {
    await refusing.expectRefused(
      withBody('{"parameters":1}'),
      400,
      'BadRequest',
      /service_id.*; plan_id.*; .*parameters/,
    );
  });

  it.each([
    ['an unknown service', { service_id: 'unknown' }, /service_id "unknown" is not/],
    ['an unknown plan', { plan_id: 'unknown' }, /plan_id "unknown" is not/],
  ])('answers 400 to %s', async (_case, values, description) => {
    const sent = good();
    await refusing.expectRefused(
      { ...sent, body: { ...(sent.body as object), ...values } },
      400,
      'BadRequest',
      description,
    );
  });

  it('answers 400 to parameters that do not fit the schema, and says what is known', async () => {
    const sent = good();
    await refusing.expectRefused(
      { ...sent, body: { ...(sent.body as object), parameters: { surprise: 1 } } },
      400,
      'InvalidParameters',
      /no parameter `surprise`; known: /,
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
    await refusing.expectRefused(
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
        await refusing.expectRefused(
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
  it('answers 400 to a rotation whose predecessor does not exist', async () => {
    await refusing.expectRefused(
      putBinding(refusing.instance, newId(), { predecessor_binding_id: newId() }),
      400,
      'BadRequest',
      /predecessor_binding_id names no binding/,
    );
  });

  it('answers 400 when the inherited namespace is not one of the caller', async () => {
    const { broker } = refusing;
    const { worker, store } = broker;
    const id = newId('instance');
    await broker.send(putInstance(id));
    await worker.putOffAll();
    await broker.query(
      `update service_instances set context_namespace = 'secret-team', state = 'ready' where instance_id = '${id}'`,
    );
    expect((await store.findInstance({ platform: 'kubernetes', instanceId: id }))?.state).toBe('ready');
    await refusing.expectRefused(
      putBinding(id, newId()),
      400,
      'NamespaceNotAllowed',
      /secret-team may not be used/,
    );
  });
});
