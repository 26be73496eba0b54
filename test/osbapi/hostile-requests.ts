/**
 * Requests that no well-behaved platform sends, mixed with those that one does: over all routes, with few ids, so that
 * they meet each other in every state.
 */
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { basic, credential, otherCredential, type Sent } from '../support/osb-client.ts';
import { anyJson, brokenJson, deep, headerText, hostileText, notUtf8, pathId } from './hostile-values.ts';
import { bindingConditions, instanceConditions } from './matrix-words.ts';

const plans = ['quick', 'slow', 'bind-quick', 'unbindable', 'app-only', 'rotating', 'fixed', 'unmaintained'];

/** Stand-ins for ids that are known once a broker runs: signs that no path may hold, and a number. */
const placedInstance = (index: number) => `<instance ${index}>`;
const placedBinding = (index: number) => `<binding ${index}>`;
/** One in each state of the state matrix, instances first; those of the second part have a binding. */
export const placedCount = instanceConditions.length + bindingConditions.length;
const readyIndex = instanceConditions.indexOf('ready');
const somePlaced = fc.nat(placedCount - 1);

/** Puts real ids in the place of stand-ins. */
export function withPlaced(sent: Sent, placed: readonly { instanceId: string; bindingId: string }[]): Sent {
  const path = sent.path
    .replaceAll(/<instance (\d+)>/g, (_all, index) => placed[Number(index)]?.instanceId ?? '')
    .replaceAll(/<binding (\d+)>/g, (_all, index) => placed[Number(index)]?.bindingId ?? '');
  return { ...sent, path };
}

/** Long enough for the next request to find an operation that runs. */
const moment = fc.constantFrom(20, 120);

/** Never one that takes longer than a client waits, or fails by design: that would be a rightful 5xx. */
const parameters: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ note: fc.constantFrom('a', 'b', 'c') }, { requiredKeys: [] }) },
  { weight: 2, arbitrary: fc.record({ size: fc.constantFrom('1Gi', '2Gi', '512Mi', '200Gi', 'x') }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { milliseconds: moment, removeMilliseconds: moment, bindMilliseconds: moment },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.constant<JsonValue>({ role: 'writer' }) },
  { weight: 1, arbitrary: fc.record({ note: hostileText }) },
  { weight: 1, arbitrary: fc.constant<JsonValue>({}) },
  { weight: 1, arbitrary: anyJson.filter((value) => !JSON.stringify(value).includes('illiseconds')) },
);

const ids = {
  bindings: ['binding-a', 'binding-b', 'binding-c', 'binding-d'],
  instances: ['instance-a', 'instance-b', 'instance-c', 'instance-d', 'instance-e'],
};

/** Mostly what is right, now and then anything. */
const mostly = (right: fc.Arbitrary<JsonValue>, wrong: fc.Arbitrary<JsonValue> = anyJson) =>
  fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: wrong });
const oneOf = (times: number, arbitrary: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const rarely = (arbitrary: fc.Arbitrary<JsonValue>) => oneOf(3, arbitrary);
const seldom = (arbitrary: fc.Arbitrary<JsonValue>) => oneOf(8, arbitrary);

/** The fields of every verb together: what a verb does not know it ignores. */
const bodyFor = (plan: string): fc.Arbitrary<JsonObject> =>
  fc
    .record({
      service_id: mostly(
        fc.constant('fake-service'),
        fc.oneof(fc.constantFrom('attached-service', 'unknown'), anyJson),
      ),
      plan_id: fc.oneof(
        { weight: 6, arbitrary: mostly(fc.constant(plan)) },
        { weight: 1, arbitrary: fc.constantFrom<JsonValue>(...plans) },
      ),
      organization_guid: mostly(fc.constant('org')),
      space_guid: mostly(fc.constant('space')),
      parameters: rarely(parameters),
      context: rarely(
        mostly(
          fc.oneof(
            fc.constantFrom<JsonValue>({ platform: 'kubernetes', namespace: 'team-a' }, {}, null),
            fc.record({ instance_annotations: fc.dictionary(hostileText, hostileText, { maxKeys: 2 }) }),
          ),
        ),
      ),
      maintenance_info: seldom(mostly(fc.constant<JsonValue>({ version: '1.4.0' }))),
      previous_values: seldom(anyJson),
      app_guid: rarely(mostly(fc.constant('app'))),
      bind_resource: seldom(mostly(fc.constant<JsonValue>({ app_guid: 'app' }))),
      predecessor_binding_id: seldom(mostly(fc.constantFrom(...ids.bindings))),
      extra: seldom(anyJson),
    })
    .map((fields) =>
      Object.fromEntries(
        Object.entries(fields).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
      ),
    );

const rawBodyFor = (plan: string): fc.Arbitrary<string | Buffer | undefined> =>
  fc.oneof(
    { weight: 40, arbitrary: bodyFor(plan).map((value) => JSON.stringify(value)) },
    {
      weight: 1,
      arbitrary: brokenJson,
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(bodyFor(plan), fc.uint8Array({ minLength: 1, maxLength: 4, min: 0x80 }))
        .map(notUtf8),
    },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );

const usually = (value: string | undefined, others: fc.Arbitrary<string | undefined>) =>
  fc.oneof({ weight: 60, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: others });

const headers: fc.Arbitrary<Record<string, string | undefined>> = fc.record({
  authorization: usually(
    credential,
    fc.oneof(
      fc.constantFrom<string | undefined>(
        undefined,
        '',
        'Basic',
        'Basic !!!',
        basic('platform', 'wrong'),
        basic('', ''),
        otherCredential,
        'Bearer x',
      ),
      headerText,
    ),
  ),
  'x-broker-api-version': usually(
    '2.17',
    fc.oneof(
      fc.constantFrom<string | undefined>(undefined, '', '2.10', '2.11', '3.0', '1.0', '2', '2.999'),
      headerText,
    ),
  ),
  'content-type': usually(
    'application/json',
    fc.oneof(
      fc.constantFrom<string | undefined>(undefined, 'text/plain', 'application/xml', 'multipart/form-data'),
      headerText,
    ),
  ),
  'content-encoding': usually(undefined, fc.constantFrom('gzip', 'br', 'identity', 'x')),
  'accept-encoding': usually(undefined, fc.constantFrom('gzip', '*', 'identity;q=0', ';;')),
  'if-none-match': usually(undefined, fc.oneof(fc.constant('*'), headerText)),
  'x-broker-api-request-identity': usually(undefined, fc.oneof(headerText, fc.constant('r'.repeat(4000)))),
  'x-broker-api-originating-identity': usually(
    undefined,
    fc.oneof(
      headerText,
      fc.constantFrom(
        'cloudfoundry eyJ1c2VyX2lkIjoieCJ9',
        'cloudfoundry',
        'kubernetes e30=',
        'x bm9uc2Vuc2U=',
        `x ${Buffer.from(deep(3000)).toString('base64').slice(0, 6000)}`,
      ),
    ),
  ),
});

const oddQuery = fc
  .array(
    fc.constantFrom(
      'accepts_incomplete=true',
      'accepts_incomplete=false',
      'accepts_incomplete=',
      'accepts_incomplete=1',
      'accepts_incomplete[]=true',
      'service_id=fake-service',
      'plan_id=slow',
      'plan_id=',
      'operation=x',
      'operation=%00',
      '%ff=%ff',
      '&&&',
      '__proto__=x',
      'service_id=%E2%80%A8',
    ),
    { maxLength: 4 },
  )
  .map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`));
const queryFor = (plan: string) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .constantFrom('accepts_incomplete=true&', 'accepts_incomplete=true&', '')
        .map((polls) => `?${polls}service_id=fake-service&plan_id=${plan}`),
    },
    { weight: 1, arbitrary: oddQuery },
  );

/** The plan that most requests for an instance name, so that they are about the same thing. */
const planOf = (path: string): string => {
  const at = ids.instances.findIndex((id) => path.includes(id));
  return ['quick', 'slow', 'rotating', 'bind-quick', 'quick'][at] ?? 'slow';
};

const instancePath = (id: string) => `/v2/service_instances/${id}`;
const bindingPath = (instanceId: string, id: string) => `${instancePath(instanceId)}/service_bindings/${id}`;
const instance = fc.oneof(
  { weight: 2, arbitrary: pathId(ids.instances).map(instancePath) },
  { weight: 1, arbitrary: somePlaced.map((index) => instancePath(placedInstance(index))) },
);
const binding = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(pathId(ids.instances), pathId(ids.bindings)).map((both) => bindingPath(...both)),
  },
  {
    weight: 1,
    arbitrary: somePlaced.map((index) => bindingPath(placedInstance(index), placedBinding(index))),
  },
);
const target: fc.Arbitrary<[method: string, path: string]> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(fc.constantFrom('PUT', 'PUT', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'GET'), instance),
  },
  { weight: 14, arbitrary: fc.tuple(fc.constantFrom('PUT', 'PUT', 'PUT', 'DELETE', 'GET'), binding) },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constantFrom('GET'),
      fc.oneof(instance, binding).map((path) => `${path}/last_operation`),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<[string, string]>(['GET', '/v2/catalog'], ['HEAD', '/v2/catalog']),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom('GET', 'POST', 'OPTIONS', 'PATCH', 'DELETE', 'PUT', 'REPORT'),
      fc.constantFrom(
        '/',
        '/v2',
        '/v2/',
        '//v2/catalog',
        '/v2/catalog/',
        '/v2/service_instances',
        '/V2/catalog',
        '/admin',
        '/healthz',
        '/v2/service_instances/a/b/c',
      ),
    ),
  },
);

/** Prefix of ids that are used once. */
export const freshPrefix = 'fresh-';
const freshId = fc.uuid().map((id) => `${freshPrefix}${id}`);

/** A good request for something new, with one thing wrong in it at most: what gets past all other checks. */
const almostGood: fc.Arbitrary<Sent> = fc
  .record({
    kind: fc.constantFrom('provision', 'bind', 'update'),
    id: freshId,
    wrong: fc.oneof(
      fc.tuple(
        fc.constantFrom(
          'service_id',
          'plan_id',
          'organization_guid',
          'space_guid',
          'context',
          'parameters',
          'app_guid',
          'bind_resource',
          'maintenance_info',
          'predecessor_binding_id',
        ),
        anyJson,
      ),
      fc.tuple(fc.constantFrom('organization_guid', 'space_guid', 'app_guid'), hostileText),
      fc.tuple(fc.constant('parameters'), fc.record({ note: anyJson })),
      fc.tuple(fc.constant('context'), fc.dictionary(hostileText, anyJson, { maxKeys: 3 })),
      fc.tuple(fc.constant('bind_resource'), fc.record({ app_guid: anyJson })),
      fc.tuple(fc.constant('maintenance_info'), fc.record({ version: anyJson })),
    ),
    right: fc.record({ note: fc.constantFrom('a', 'b', 'c') }),
  })
  .map(({ kind, id, wrong: [field, value], right }): Sent => {
    const ready = placedInstance(readyIndex);
    const path = {
      provision: instancePath(id),
      bind: bindingPath(ready, id),
      update: instancePath(ready),
    }[kind];
    const good = { service_id: 'fake-service', organization_guid: 'org', space_guid: 'space' };
    const plan = kind === 'update' ? {} : { plan_id: 'slow' };
    const parameters = kind === 'bind' ? {} : { parameters: right };
    return {
      method: kind === 'update' ? 'PATCH' : 'PUT',
      path: `${path}?accepts_incomplete=true`,
      body: JSON.stringify({ ...good, ...plan, ...parameters, [field]: value }),
      headers: { 'content-type': 'application/json' },
    };
  });

const anyRequest: fc.Arbitrary<Sent> = target.chain(([method, path]) =>
  fc
    .record({ search: queryFor(planOf(path)), all: headers, sent: rawBodyFor(planOf(path)) })
    .map(({ search, all, sent }) => ({
      method,
      path: `${path}${search}`,
      headers: all,
      ...(['PUT', 'PATCH', 'POST', 'DELETE'].includes(method) && sent !== undefined ? { body: sent } : {}),
    })),
);

export const hostileRequest: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 3, arbitrary: anyRequest },
  { weight: 1, arbitrary: almostGood },
);

/** The request as a person would send it again. */
export function asCurl(url: string, { method = 'GET', path, headers = {}, body: sent }: Sent): string {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  // Without a type curl says that it sends a form.
  const type =
    typeof sent === 'object' && !Buffer.isBuffer(sent) ? { 'content-type': 'application/json' } : {};
  const usual = { authorization: credential, 'x-broker-api-version': '2.17', ...type };
  const lines = Object.entries({ ...usual, ...headers })
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  const text = Buffer.isBuffer(sent) ? `$(echo ${sent.toString('base64')} | base64 -d)` : bodyText(sent);
  const data = sent === undefined ? [] : [`--data-binary ${quoted(text.slice(0, 2000))}`];
  return ['curl -i', `-X ${method}`, ...lines, ...data, quoted(`${url}${path}`)].join(' ');
}

function bodyText(sent: Sent['body']): string {
  return typeof sent === 'string' ? sent : JSON.stringify(sent ?? {});
}
