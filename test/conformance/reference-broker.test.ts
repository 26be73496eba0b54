/** The reference broker keeps the rules that the checker will hold against it; numbers are items of docs/osbapi.md. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningReferenceBroker, startReferenceBroker } from './start-reference-broker.ts';

type Json = Record<string, unknown>;

interface Plan extends Json {
  id: string;
  name: string;
}

interface Reply {
  status: number;
  body: Json;
  headers: Headers;
}

let broker: RunningReferenceBroker;
/** service_id and plan_id by name of the plan. */
const plans = new Map<string, { service_id: string; plan_id: string }>();
const authorization = `Basic ${Buffer.from('checker:reference secret').toString('base64')}`;
const usual = { authorization, 'x-broker-api-version': '2.17', 'content-type': 'application/json' };
const sentences = {
  async: 'This service plan requires client support for asynchronous service operations.',
  busy: 'The Service Broker does not support concurrent requests that mutate the same resource.',
  app: 'This service supports generation of credentials through binding an application only.',
};

beforeAll(async () => {
  broker = await startReferenceBroker();
  const { body } = await send('GET', '/v2/catalog');
  for (const service of body.services as { id: string; plans: Plan[] }[]) {
    for (const plan of service.plans) plans.set(plan.name, { service_id: service.id, plan_id: plan.id });
  }
});
afterAll(() => broker.stop());

async function send(method: string, path: string, body?: unknown, headers: Json = usual): Promise<Reply> {
  const response = await fetch(`${broker.url}${path}`, {
    method,
    headers: headers as Record<string, string>,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? {} : (JSON.parse(text) as Json),
    headers: response.headers,
  };
}

function planOf(name: string) {
  const plan = plans.get(name);
  if (plan === undefined) throw new Error(`no plan ${name}`);
  return plan;
}

const queryOf = (plan: string) =>
  new URLSearchParams({ ...planOf(plan), accepts_incomplete: 'true' }).toString();
const newPath = () => `/v2/service_instances/${randomUUID()}`;
/** Ids of bindings are unique across instances. */
const newBinding = (instance: string) => `${instance}/service_bindings/${randomUUID()}`;
const put = (path: string, plan: string, more: Json = {}, query = '?accepts_incomplete=true') =>
  send('PUT', path + query, { ...planOf(plan), organization_guid: 'org', space_guid: 'space', ...more });
const patch = (path: string, plan: string, more: Json = {}, query = '?accepts_incomplete=true') =>
  send('PATCH', path + query, { service_id: planOf(plan).service_id, ...more });
const bind = (path: string, plan: string, more: Json = {}, query = '?accepts_incomplete=true') =>
  send('PUT', path + query, { ...planOf(plan), ...more });
const remove = (path: string, plan: string) => send('DELETE', `${path}?${queryOf(plan)}`);

/** The last answer of last_operation: the first that is not in progress. */
async function settled(path: string, operation?: unknown): Promise<Reply> {
  const query = typeof operation === 'string' ? `?operation=${operation}` : '';
  for (;;) {
    const reply = await send('GET', `${path}/last_operation${query}`);
    if (reply.body.state !== 'in progress') return reply;
    await setTimeout(10);
  }
}

async function ready(plan: string, more: Json = {}): Promise<string> {
  const path = newPath();
  const { status } = await put(path, plan, more);
  expect(status).toBe(plan.startsWith('slow') ? 202 : 201);
  expect((await settled(path)).body.state).toBe('succeeded');
  return path;
}

function expectRefusal({ status, body }: Reply, wanted: number, word: string, description?: string): void {
  expect({ status, error: body.error }).toEqual({ status: wanted, error: word });
  expect(body.description).toEqual(description ?? expect.stringMatching(/\w+/));
  expect(Object.keys(body).sort()).toEqual(['description', 'error']);
}

it('[1, 3, 4, 6] asks for credentials, then for a version, and echoes the identity of the request', async () => {
  const identity = { 'x-broker-api-request-identity': 'request-1' };
  const bad = await send('GET', '/v2/catalog', undefined, identity);
  expectRefusal(bad, 401, 'Unauthorized');
  expect(bad.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
  expect(bad.headers.get('x-broker-api-request-identity')).toBe('request-1');
  const versions = ['', '1.17', '3.0', 'new'];
  for (const version of versions) {
    const old = await send('GET', '/v2/catalog', undefined, {
      authorization,
      'x-broker-api-version': version,
    });
    expectRefusal(old, 412, 'PreconditionFailed');
    expect(old.body.description).toContain('2.17');
  }
  for (const version of ['2.11', '2.17', '2.99']) {
    const good = { ...usual, ...identity, 'x-broker-api-version': version };
    const { status, headers } = await send('GET', '/v2/catalog', undefined, good);
    expect([status, headers.get('x-broker-api-request-identity')]).toEqual([200, 'request-1']);
  }
});

it('[5, 8, 9] refuses malformed bodies and identities, and takes a body without Content-Type for JSON', async () => {
  const whole = { ...planOf('quick'), organization_guid: 'org', space_guid: 'space' };
  for (const body of ['{', '[]', '"text"', '']) {
    expectRefusal(await send('PUT', newPath(), body), 400, 'BadRequest');
  }
  expectRefusal(
    await send('PUT', newPath(), whole, { ...usual, 'content-type': 'text/plain' }),
    400,
    'BadRequest',
  );
  const identity = (value: string) => ({ ...usual, 'x-broker-api-originating-identity': value });
  for (const value of ['kubernetes', 'kubernetes %%%', `kubernetes ${btoa('[1]')}`]) {
    expectRefusal(await send('PUT', newPath(), whole, identity(value)), 400, 'BadRequest');
  }
  const fine = identity(`kubernetes ${btoa('{"username":"ada"}')}`);
  expect((await send('PUT', newPath(), whole, fine)).status).toBe(201);
  const bytes = new TextEncoder().encode(JSON.stringify(whole));
  const bare = await fetch(broker.url + newPath(), {
    method: 'PUT',
    headers: { authorization, 'x-broker-api-version': '2.17' },
    body: bytes,
  });
  expect(bare.status).toBe(201);
});

it('[23, 30, 33, 36] has a catalog with every field explicit, and an ETag', async () => {
  const { status, body, headers } = await send('GET', '/v2/catalog');
  expect(status).toBe(200);
  for (const service of body.services as { plans: Plan[] }[]) {
    for (const plan of service.plans) {
      for (const field of ['free', 'bindable', 'plan_updateable', 'binding_rotatable']) {
        expect(plan[field], `${plan.name} ${field}`).toBeTypeOf('boolean');
      }
    }
  }
  const etag = headers.get('etag') ?? '';
  const cached = await send('GET', '/v2/catalog', undefined, {
    ...usual,
    'if-none-match': `"other", ${etag}`,
  });
  expect([cached.status, cached.headers.get('etag')]).toEqual([304, etag]);
});

it('[10, 11] takes any id, and nulls and empties for nothing', async () => {
  const path = `/v2/service_instances/${encodeURIComponent('an id/with ü & more')}`;
  const empties = { parameters: null, context: null, maintenance_info: {}, unknown: [1] };
  expect((await put(path, 'quick', empties)).status).toBe(201);
  expect((await send('GET', path)).body.parameters).toEqual({});
  const binding = `${path}/service_bindings/${encodeURIComponent('b/1')}`;
  expect((await bind(binding, 'quick', { app_guid: '', bind_resource: { app_guid: '' } })).status).toBe(201);
  expect((await remove(path, 'quick')).status).toBe(200);
  expectRefusal(await send('GET', '/v2/service_instances/%ZZ'), 400, 'BadRequest');
});

it('[38, 39, 40, 41] refuses a provision with fields that are missing, unknown or of the wrong type', async () => {
  const path = newPath();
  for (const field of ['service_id', 'plan_id', 'organization_guid', 'space_guid']) {
    for (const value of [undefined, '', null, 1]) {
      const reply = await put(path, 'quick', { [field]: value });
      expectRefusal(reply, 400, 'BadRequest');
      expect(reply.body.description).toContain(field);
    }
  }
  expectRefusal(await put(path, 'quick', { plan_id: planOf('app').plan_id }), 400, 'BadRequest');
  for (const parameters of [
    { size: 11 },
    { size: 0 },
    { size: '1' },
    { name: 'gamma' },
    { constructor: 1 },
  ]) {
    const reply = await put(path, 'quick', { parameters });
    expectRefusal(reply, 400, 'BadRequest');
    expect(reply.body.description).toContain(Object.keys(parameters)[0]);
  }
  expectRefusal(await send('GET', path), 404, 'NotFound');
});

it('[42, 45, 46, 66] provisions at once; the same again is 200, another is 409', async () => {
  const path = newPath();
  const created = await put(path, 'quick', { parameters: { size: 2, notes: 'n' } }, '');
  expect(created.status).toBe(201);
  const again = await put(path, 'quick', {
    parameters: { notes: 'n', size: 2 },
    context: { platform: 'new' },
  });
  expect([again.status, again.body]).toEqual([200, created.body]);
  for (const other of [{ parameters: {} }, { organization_guid: 'o' }, { space_guid: 's' }]) {
    expectRefusal(
      await put(path, 'quick', { parameters: { size: 2, notes: 'n' }, ...other }),
      409,
      'Conflict',
    );
  }
  expectRefusal(await put(path, 'quick-large', { parameters: { size: 2, notes: 'n' } }), 409, 'Conflict');
  expect((await send('GET', path)).body).toEqual({
    ...planOf('quick'),
    ...created.body,
    parameters: { size: 2, notes: 'n' },
    maintenance_info: { version: '1.0.0' },
  });
});

it('[16, 43, 44, 65, 67] provisions with an operation; the same again joins it', async () => {
  const path = newPath();
  expectRefusal(await put(path, 'slow', {}, ''), 422, 'AsyncRequired', sentences.async);
  const started = await put(path, 'slow');
  expect([started.status, started.body.dashboard_url]).toEqual([202, expect.any(String)]);
  const again = await put(path, 'slow');
  expect([again.status, again.body]).toEqual([202, started.body]);
  expectRefusal(await put(path, 'slow', { space_guid: 'other' }), 409, 'Conflict');
  expectRefusal(await send('GET', path), 404, 'NotFound');
  expectRefusal(await patch(path, 'slow', {}), 422, 'ConcurrencyError', sentences.busy);
  expect((await settled(path, started.body.operation)).body.state).toBe('succeeded');
  expect((await send('GET', path)).status).toBe(200);
});

it('[19, 48, 76] knows the version of maintenance of each plan, and none of a plan without', async () => {
  const info = (version: string) => ({ maintenance_info: { version } });
  expectRefusal(await put(newPath(), 'quick', info('9.9.9')), 422, 'MaintenanceInfoConflict');
  expectRefusal(await put(newPath(), 'app', info('1.0.0')), 422, 'MaintenanceInfoConflict');
  const path = await ready('quick', info('1.0.0'));
  const toLarge = { plan_id: planOf('quick-large').plan_id };
  expectRefusal(await patch(path, 'quick', { ...toLarge, ...info('1.0.0') }), 422, 'MaintenanceInfoConflict');
  const previous = { previous_values: { maintenance_info: { version: '0.1.0' } } };
  expect((await patch(path, 'quick', { ...toLarge, ...info('1.1.0'), ...previous })).status).toBe(200);
  expect((await send('GET', path)).body).toMatchObject({
    ...toLarge,
    maintenance_info: { version: '1.1.0' },
  });
});

it('[47, 62] says of a failed provision no word of updates, and tries it again', async () => {
  const path = newPath();
  const parameters = { notes: 'please fail' };
  const first = await put(path, 'slow', { parameters });
  const { status, body } = await settled(path, first.body.operation);
  expect([status, body]).toEqual([200, { state: 'failed', description: expect.stringMatching(/\w/) }]);
  expectRefusal(await send('GET', path), 404, 'NotFound');
  expectRefusal(await patch(path, 'slow', {}), 422, 'InstanceFailed');
  expectRefusal(await bind(newBinding(path), 'slow'), 422, 'InstanceFailed');
  const second = await put(path, 'slow', { parameters });
  expect(second.status).toBe(202);
  expect(second.body.operation).not.toBe(first.body.operation);
  expect((await remove(path, 'slow')).status).toBe(202);
  expect((await settled(path)).body.state).toBe('succeeded');
});

it('[56, 57, 80, 83, 128] knows nothing of an instance that never was', async () => {
  const path = newPath();
  expectRefusal(await send('GET', path), 404, 'NotFound');
  expectRefusal(await send('GET', `${path}/last_operation?operation=x&plan_id=y`), 404, 'NotFound');
  expectRefusal(await patch(path, 'quick', {}), 404, 'NotFound');
  expectRefusal(await bind(newBinding(path), 'quick'), 404, 'NotFound');
  expectRefusal(await remove(path, 'quick'), 410, 'Gone');
  expectRefusal(await remove(newBinding(path), 'slow'), 410, 'Gone');
  const real = await ready('quick');
  expect((await send('GET', `${real}/last_operation?operation=x&plan_id=y`)).body.state).toBe('succeeded');
});

it('[70, 71, 75, 77] updates at once what is sent, and nothing when refused', async () => {
  const path = await ready('quick', { parameters: { size: 1 } });
  for (const wrong of [{ service_id: '' }, { service_id: planOf('app').service_id }, { plan_id: 'x' }]) {
    expectRefusal(await patch(path, 'quick', wrong), 400, 'BadRequest');
  }
  expectRefusal(await patch(path, 'quick', { parameters: { size: 99 } }), 400, 'BadRequest');
  expect((await patch(path, 'quick', {})).status).toBe(200);
  expect((await send('GET', path)).body.parameters).toEqual({ size: 1 });
  const changed = await patch(path, 'quick', { parameters: { size: 3 }, context: { platform: 'p' } }, '');
  expect([changed.status, changed.body]).toEqual([200, {}]);
  expect((await send('GET', path)).body).toMatchObject({ ...planOf('quick'), parameters: { size: 3 } });
  await patch(path, 'quick', { parameters: {}, context: { platform: 'cloudfoundry' } });
  expect((await send('GET', path)).body.parameters).toEqual({ size: 3 });
  await patch(path, 'quick', { parameters: {} });
  expect((await send('GET', path)).body.parameters).toEqual({});
});

it('[68, 72, 73, 84, 140] lets one update run: the same joins, another and a fetch hear of it', async () => {
  const path = await ready('slow');
  const change = { plan_id: planOf('slow-large').plan_id, parameters: { size: 5 } };
  expectRefusal(await patch(path, 'slow', change, ''), 422, 'AsyncRequired', sentences.async);
  const started = await patch(path, 'slow', change);
  expect(started.status).toBe(202);
  const again = await patch(path, 'slow', change);
  expect([again.status, again.body]).toEqual([202, started.body]);
  const busy = [
    await patch(path, 'slow', { parameters: { size: 6 } }),
    await send('GET', path),
    await remove(path, 'slow'),
    await put(path, 'slow'),
  ];
  for (const reply of busy) expectRefusal(reply, 422, 'ConcurrencyError', sentences.busy);
  expect((await settled(path, started.body.operation)).body.state).toBe('succeeded');
  expect((await send('GET', path)).body).toMatchObject(change);
  expect((await patch(path, 'slow', change)).status).toBe(200);
});

it('[21, 62, 69, 82] leaves the old values after a failed update, and says how the instance is', async () => {
  const path = await ready('slow', { parameters: { size: 1 } });
  const target = planOf('slow-large').plan_id;
  await patch(path, 'slow', { plan_id: target, parameters: { notes: 'please fail' } });
  expect((await settled(path)).body).toEqual({
    state: 'failed',
    description: expect.stringMatching(/\w/),
    instance_usable: true,
    update_repeatable: false,
  });
  expect((await send('GET', path)).body).toMatchObject({ ...planOf('slow'), parameters: { size: 1 } });
  expect((await remove(path, 'slow-large')).status).toBe(202);
});

it('[74] refuses to change a plan that cannot be changed', async () => {
  const path = await ready('app');
  const reply = await patch(path, 'app', { plan_id: planOf('unbindable').plan_id });
  expectRefusal(reply, 422, 'PlanChangeNotSupported');
});

it('[59, 82, 83] deprovisions at once, then is gone', async () => {
  const path = await ready('quick');
  expectRefusal(await send('DELETE', path), 400, 'BadRequest');
  expectRefusal(await remove(path, 'slow'), 400, 'BadRequest');
  const done = await remove(path, 'quick');
  expect([done.status, done.body]).toEqual([200, {}]);
  expectRefusal(await remove(path, 'quick'), 410, 'Gone');
  expectRefusal(await send('GET', path), 404, 'NotFound');
  expectRefusal(await send('GET', `${path}/last_operation`), 410, 'Gone');
  expect((await put(path, 'quick-large')).status).toBe(201);
});

it('[59, 60, 83, 84, 142] deprovisions with an operation that can be polled afterwards', async () => {
  const path = await ready('slow');
  const impatient = await send('DELETE', `${path}?${queryOf('slow').replace('=true', '=false')}`);
  expectRefusal(impatient, 422, 'AsyncRequired', sentences.async);
  const started = await remove(path, 'slow');
  expect(started.status).toBe(202);
  const again = await remove(path, 'slow');
  expect([again.status, again.body]).toEqual([202, started.body]);
  const busy = [
    await put(path, 'slow'),
    await patch(path, 'slow', {}),
    await send('GET', path),
    await bind(newBinding(path), 'slow'),
  ];
  for (const reply of busy) expectRefusal(reply, 422, 'ConcurrencyError', sentences.busy);
  for (const _time of [1, 2]) {
    expect((await settled(path, started.body.operation)).body.state).toBe('succeeded');
  }
  expectRefusal(await remove(path, 'slow'), 410, 'Gone');
});

it('[63, 85] cancels a provision, which then never happens', async () => {
  const path = newPath();
  const provision = await put(path, 'slow');
  const deletion = await remove(path, 'slow');
  expect(deletion.status).toBe(202);
  expect((await settled(path, provision.body.operation)).body.state).toBe('failed');
  expect((await settled(path)).body.state).toBe('succeeded');
  await setTimeout(150);
  expectRefusal(await send('GET', path), 404, 'NotFound');
});

it('[92, 93, 96, 99, 100, 113] binds at once with credentials of its own, the same each time', async () => {
  const path = `${await ready('quick')}/service_bindings`;
  const first = await bind(`${path}/first`, 'quick', { parameters: { role: 'reader' } }, '');
  expect([first.status, first.body]).toEqual([
    201,
    {
      credentials: { username: expect.any(String), password: expect.any(String), uri: expect.any(String) },
      endpoints: [{ host: expect.any(String), ports: ['5432'], protocol: 'tcp' }],
      metadata: {
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
        renew_before: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
      },
    },
  ]);
  const again = await bind(`${path}/first`, 'quick', { parameters: { role: 'reader' } });
  expect([again.status, again.body]).toEqual([200, first.body]);
  expect((await send('GET', `${path}/first`)).body).toEqual({
    ...first.body,
    parameters: { role: 'reader' },
  });
  expectRefusal(await bind(`${path}/first`, 'quick'), 409, 'Conflict');
  expectRefusal(await bind(`${path}/other`, 'quick', { parameters: { role: 'god' } }), 400, 'BadRequest');
  expectRefusal(await bind(`${path}/other`, 'quick', { plan_id: planOf('slow').plan_id }), 400, 'BadRequest');
  const second = await bind(`${path}/second`, 'quick');
  expect(second.body.credentials).not.toEqual(first.body.credentials);
});

it('[92, 111, 112, 115, 116, 117] binds and unbinds with operations', async () => {
  const path = newBinding(await ready('slow'));
  expectRefusal(await bind(path, 'slow', {}, ''), 422, 'AsyncRequired', sentences.async);
  const started = await bind(path, 'slow');
  expect([started.status, Object.keys(started.body)]).toEqual([202, ['operation']]);
  expect((await bind(path, 'slow')).body).toEqual(started.body);
  expectRefusal(await send('GET', path), 404, 'NotFound');
  expect((await settled(path, started.body.operation)).body.state).toBe('succeeded');
  expect((await send('GET', path)).body.credentials).toBeTypeOf('object');
  expectRefusal(await send('DELETE', path), 422, 'AsyncRequired', sentences.async);
  const ended = await remove(path, 'slow');
  expect([ended.status, (await remove(path, 'slow')).body]).toEqual([202, ended.body]);
  expectRefusal(await bind(path, 'slow'), 422, 'ConcurrencyError', sentences.busy);
  expect((await settled(path, ended.body.operation)).body.state).toBe('succeeded');
  expectRefusal(await remove(path, 'slow'), 410, 'Gone');

  const cancelled = await bind(path, 'slow');
  expect((await remove(path, 'slow')).status).toBe(202);
  expect((await settled(path, cancelled.body.operation)).body.state).toBe('failed');
  expect((await settled(path)).body.state).toBe('succeeded');
});

it('[95, 137] lets a bind wait for its instance when the platform can poll', async () => {
  const path = newPath();
  await put(path, 'slow');
  const binding = newBinding(path);
  expectRefusal(await bind(binding, 'slow', {}, ''), 422, 'ConcurrencyError', sentences.busy);
  expect((await bind(binding, 'slow')).status).toBe(202);
  expect((await settled(binding)).body.state).toBe('succeeded');
  const failing = newPath();
  const doomed = newBinding(failing);
  await put(failing, 'slow', { parameters: { notes: 'please fail' } });
  expect((await bind(doomed, 'slow')).status).toBe(202);
  expect((await settled(doomed)).body.state).toBe('failed');
});

it('[18, 94, 101] binds to an application only, named in either spot, and not at all where it cannot', async () => {
  const path = newBinding(await ready('app'));
  expectRefusal(await bind(`${path}-1`, 'app', { app_guid: '' }), 422, 'RequiresApp', sentences.app);
  expect((await bind(`${path}-1`, 'app', { app_guid: 'app-1' })).status).toBe(201);
  expect((await bind(`${path}-2`, 'app', { bind_resource: { app_guid: 'app-1' } })).status).toBe(201);
  const unbindable = newBinding(await ready('unbindable'));
  expectRefusal(await bind(unbindable, 'unbindable', { app_guid: 'app-1' }), 400, 'BadRequest');
});

it('[104, 105, 106, 107, 108] rotates a binding, and both work on their own', async () => {
  const path = `${await ready('quick')}/service_bindings`;
  const old = await bind(`${path}/old`, 'quick', { parameters: { role: 'writer' } });
  await bind(`${path}/another`, 'quick');
  const rotate = (id: string, predecessor: string) =>
    send('PUT', `${path}/${id}`, { predecessor_binding_id: predecessor });
  const rotated = await rotate('new', 'old');
  expect(rotated.status).toBe(201);
  expect(rotated.body.credentials).not.toEqual(old.body.credentials);
  expect((await send('GET', `${path}/new`)).body.parameters).toEqual({ role: 'writer' });
  expectRefusal(await rotate('new', 'another'), 409, 'Conflict');
  expectRefusal(await rotate('third', 'never'), 400, 'BadRequest');
  expect((await remove(`${path}/old`, 'quick')).status).toBe(200);
  const again = await rotate('new', 'old');
  expect([again.status, again.body]).toEqual([200, rotated.body]);
  expectRefusal(await rotate('third', 'old'), 400, 'BadRequest');

  const app = `${await ready('app')}/service_bindings`;
  await bind(`${app}/old-of-app`, 'app', { app_guid: 'app-1' });
  const refused = await send('PUT', `${app}/new-of-app`, { predecessor_binding_id: 'old-of-app' });
  expectRefusal(refused, 400, 'BadRequest');
});

it('[22, 87, 114, 115] finds a binding through its own instance only, and removes it with that', async () => {
  const instance = await ready('quick');
  const other = await ready('quick');
  const id = randomUUID();
  await bind(`${instance}/service_bindings/${id}`, 'quick');
  expectRefusal(await send('GET', `${other}/service_bindings/${id}`), 404, 'NotFound');
  expectRefusal(await send('GET', `${other}/service_bindings/${id}/last_operation`), 404, 'NotFound');
  expectRefusal(await remove(`${other}/service_bindings/${id}`, 'quick'), 410, 'Gone');
  expectRefusal(await send('DELETE', `${instance}/service_bindings/${id}`), 400, 'BadRequest');
  expectRefusal(await send('DELETE', `${instance}/service_bindings/never`), 410, 'Gone');
  expect((await remove(instance, 'quick')).status).toBe(200);
  expectRefusal(await send('GET', `${instance}/service_bindings/${id}`), 404, 'NotFound');
  expectRefusal(await remove(`${instance}/service_bindings/${id}`, 'quick'), 410, 'Gone');
});

it('can be broken by one text, which must be there exactly once', async () => {
  const file = 'http-server.ts';
  const broken = await startReferenceBroker({
    mutant: [{ file, find: 'new Refusal(401', replace: 'new Refusal(403' }],
  });
  expect((await fetch(`${broken.url}/v2/catalog`)).status).toBe(403);
  await broken.stop();
  const twice = startReferenceBroker({ mutant: [{ file, find: 'new Refusal(400', replace: '' }] });
  await expect(twice).rejects.toThrow(/http-server.ts has it \d times, not once/);
});
