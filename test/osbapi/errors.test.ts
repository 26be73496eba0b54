/** Error answers: their statuses, their words, their order, and that they change nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import type { Answer, Sent } from '../support/osb-client.ts';
import { faultText, faultyProvision, loadFaultyCatalog } from './faulty-catalog.ts';
import { expectRefusal, type Refusal, untilIdle } from './refusal.ts';

const asyncRequired = 'This service plan requires client support for asynchronous service operations.';
const concurrency = 'The Service Broker does not support concurrent requests that mutate the same resource.';
const requiresApp = 'This service supports generation of credentials through binding an application only.';

/** Instances that are there, by plan. `quick` has a binding `b`, and `slow` has `slow-b`. */
const there = {
  quick: fakeRequests('quick'),
  slow: fakeRequests('slow'),
  'app-only': fakeRequests('app-only'),
  unbindable: fakeRequests('unbindable'),
  fixed: fakeRequests('fixed'),
  unmaintained: fakeRequests('unmaintained'),
};
const { quick, slow } = there;
let broker: OsbBroker;
beforeAll(async () => {
  broker = await startOsbBroker({ catalog: await loadFaultyCatalog() });
  for (const requests of Object.values(there)) await made(requests);
  await bound(quick, 'b');
  await bound(slow, 'slow-b');
});
afterAll(() => broker.close());

async function made<Requests extends FakeRequests>(
  requests: Requests,
  parameters: JsonObject = {},
): Promise<Requests> {
  await broker.send(requests.provision({ parameters }));
  expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
  return requests;
}

async function bound(requests: FakeRequests, id: string): Promise<void> {
  await broker.send(requests.bind(id));
  expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('succeeded');
}

async function refused(sent: Sent, refusal: Refusal): Promise<Answer> {
  await untilIdle(broker);
  return expectRefusal(broker, sent, refusal);
}

const isRotation = { predecessor_binding_id: 'nobody' };
const withoutIds = 'accepts_incomplete=true';
const gone = () => fakeRequests('quick');

/** Requests that are refused, with the status that the specification names, or else one that fits. */
const refusals: [what: string, status: number, () => Sent][] = [
  ['a provision without a plan', 400, () => gone().provision({ plan_id: undefined } as never)],
  ['a provision of an unknown service', 400, () => gone().provision({ service_id: 'unknown' })],
  ['a provision of an unknown plan', 400, () => gone().provision({ plan_id: 'unknown' })],
  ['a provision with wrong parameters', 400, () => gone().provision({ parameters: { size: 'many' } })],
  ['a provision with wrong types', 400, () => gone().provision({ parameters: [] })],
  ['an update without a service', 400, () => quick.update({ service_id: null })],
  ['an update to a plan of no service', 400, () => quick.update({ plan_id: 'unknown' })],
  ['an update of what cannot change', 400, () => quick.update({ parameters: { region: 'there' } })],
  ['a bind without a plan', 400, () => quick.bind(freshId(), { plan_id: null })],
  ['a bind to another plan', 400, () => quick.bind(freshId(), { plan_id: 'slow' })],
  ['a bind with wrong parameters', 400, () => quick.bind(freshId(), { parameters: { role: 'chief' } })],
  ['a bind of what is not bindable', 400, () => there.unbindable.bind(freshId())],
  ['a rotation of nothing', 400, () => quick.bind(freshId(), isRotation)],
  ['a deprovision without ids', 400, () => quick.deprovision(withoutIds)],
  ['an unbind without ids', 400, () => quick.unbind('b', withoutIds)],
  ['accepts_incomplete that is neither', 400, () => quick.deprovision('accepts_incomplete=maybe')],
  ['a fetch of nothing', 404, () => gone().fetch()],
  ['a fetch of no binding', 404, () => quick.fetchBinding('nobody')],
  ['a poll of nothing', 404, () => gone().poll()],
  ['a poll of no binding', 404, () => quick.pollBinding('nobody')],
  ['an update of nothing', 404, () => gone().update()],
  ['a bind to nothing', 404, () => gone().bind('b')],
  ['a path that is not there', 404, () => ({ path: '/v2/service_instances' })],
  ['a method that is not there', 405, () => ({ method: 'POST', path: '/v2/catalog', body: {} })],
  ['another provision of the same id', 409, () => quick.provision({ plan_id: 'slow' })],
  ['another bind of the same id', 409, () => quick.bind('b', { parameters: { role: 'writer' } })],
  ['a deprovision of nothing', 410, () => gone().deprovision()],
  ['an unbind of nothing', 410, () => quick.unbind('nobody')],
  ['a body that is too large', 413, () => ({ ...quick.update(), body: ' '.repeat(2 * 1024 * 1024) })],
  ['an operation that must be polled', 422, () => slow.deprovision('service_id=fake-service&plan_id=slow')],
  ['a bind without the app that it needs', 422, () => there['app-only'].bind(freshId())],
  ['an old maintenance version', 422, () => quick.update({ maintenance_info: { version: '1.3.0' } })],
  ['a change of a plan that has none', 422, () => there.fixed.update({ plan_id: 'quick' })],
  ['a fault of the broker', 500, () => faultyProvision()],
];

describe('refusals', () => {
  it.each(refusals)(
    '[13, 14, 15] %s: %i with a word and a sentence, and nothing is changed',
    async (_what, status, sent) => {
      const { text, json } = await refused(sent(), { status, description: /^\S.*\S[.]$/ });
      expect(json.error).toMatch(/^[A-Z][A-Za-z]*$/);
      expect(Object.keys(json).sort()).toEqual(['description', 'error']);
      expect(text).not.toMatch(/node_modules|\.ts:\d|at \w+ \(|Error:|select |null/);
      expect(text).not.toContain(faultText);
    },
  );

  it('[15] every word there is is a single CamelCase one, and every sentence says something', () => {
    for (const [code, { word, sentence }] of Object.entries(errorCatalogue)) {
      expect(word, code).toMatch(/^[A-Z][A-Za-z]*$/);
      expect(sentence, code).toMatch(/^[A-Z].{10,}[.]$/);
    }
  });
});

describe('AsyncRequired', () => {
  const ids = 'service_id=fake-service&plan_id=slow';

  it.each<[string, (query: string) => Sent]>([
    ['a provision', (query) => fakeRequests('slow').provision({}, query)],
    ['an update', (query) => slow.update({ parameters: { note: 'x' } }, query)],
    ['a deprovision', (query) => slow.deprovision(`${query}&${ids}`)],
    ['a bind', (query) => slow.bind(freshId(), {}, query)],
    ['an unbind', (query) => slow.unbind('slow-b', `${query}&${ids}`)],
  ])('[16, 20] is the 422 of %s that takes its time, unless the platform can poll', async (_what, sent) => {
    for (const query of ['', 'accepts_incomplete=false', 'accepts_incomplete=']) {
      await refused(sent(query), { status: 422, error: 'AsyncRequired', description: asyncRequired });
    }
  });

  it('[16] is no obstacle to a platform that can poll', async () => {
    const one = await made(fakeRequests('slow'));
    const id = freshId();
    const statuses = [];
    for (const sent of [
      one.update({ parameters: { note: 'x' } }),
      one.bind(id),
      one.unbind(id),
      one.deprovision(),
    ]) {
      statuses.push((await broker.send(sent)).status);
      await untilIdle(broker);
    }
    expect(statuses).toEqual([202, 202, 202, 202]);
  });
});

describe('ConcurrencyError', () => {
  const forever = { milliseconds: 600_000 };

  /** Sends what collides with an operation under way, and expects no further operation. */
  async function expectBusy(sents: Sent[]): Promise<void> {
    const count = () => broker.query('select count(*) from operations');
    const before = await count();
    for (const sent of sents) {
      const { status, json } = await broker.send(sent);
      expect([`${sent.method ?? 'GET'} ${sent.path}`, status, json]).toEqual([
        expect.any(String),
        422,
        { error: 'ConcurrencyError', description: concurrency },
      ]);
    }
    expect(await count()).toEqual(before);
  }

  it('[17, 20] answers what collides with a provision', async () => {
    const one = fakeRequests('bind-quick');
    await broker.send(one.provision({ parameters: forever }));
    await expectBusy([one.update({ parameters: { note: 'x' } }), one.bind(freshId(), {}, '')]);
    await broker.send(one.deprovision());
  });

  it('[17, 20] answers what collides with an update', async () => {
    const one = await made(fakeRequests('bind-quick'));
    await broker.send(one.update({ parameters: forever }));
    await expectBusy([one.update({ parameters: { note: 'x' } }), one.fetch(), one.bind(freshId(), {}, '')]);
    await broker.send(one.deprovision());
  });

  it('[17, 20] answers what collides with an operation of a binding', async () => {
    const one = await made(fakeRequests('slow'), { bindMilliseconds: 300 });
    const [id, other] = [freshId(), freshId()];
    await broker.send(one.bind(id));
    await expectBusy([
      one.update({ parameters: { note: 'x' } }),
      one.bind(other, { predecessor_binding_id: id }),
    ]);
    await untilOver(broker, one.pollBinding(id));
    await broker.send(one.unbind(id));
    await expectBusy([one.update({ parameters: { note: 'x' } }), one.bind(id)]);
    await broker.send(one.deprovision());
  });

  it('[17, 20] answers what collides with a deprovision', async () => {
    const parameters = { bindMilliseconds: 300 };
    const one = await made(fakeRequests('slow'), parameters);
    const id = freshId();
    await bound(one, id);
    await broker.send(one.deprovision());
    await expectBusy([
      one.unbind(id),
      one.provision({ parameters }),
      one.update({ parameters: { note: 'x' } }),
      one.fetch(),
      one.bind(freshId()),
    ]);
  });
});

describe('RequiresApp', () => {
  const bind = (values: JsonObject) => there['app-only'].bind(freshId(), values);

  it('[18, 20] is the 422 of a bind without an app, where the plan needs one', async () => {
    for (const values of [{}, { bind_resource: {} }, { bind_resource: { route: 'a.example' } }]) {
      await refused(bind(values), { status: 422, error: 'RequiresApp', description: requiresApp });
    }
  });

  it('[18] an app may be named in either place', async () => {
    expect((await broker.send(bind({ app_guid: 'app' }))).status).toBe(201);
    expect((await broker.send(bind({ bind_resource: { app_guid: 'app' } }))).status).toBe(201);
  });
});

describe('MaintenanceInfoConflict', () => {
  const conflict = {
    status: 422,
    error: 'MaintenanceInfoConflict',
    description: /maintenance_info\.version/,
  };
  const version = (text: string): JsonObject => ({ maintenance_info: { version: text } });

  it('[19] is the 422 of another version than that of the plan in the catalog', async () => {
    for (const other of ['1.3.9', '1.4.1', '2.0.0', '1.4', 'newest']) {
      await refused(gone().provision(version(other)), conflict);
      await refused(quick.update(version(other)), conflict);
    }
  });

  it('[19] also where the plan has none', async () => {
    await refused(fakeRequests('unmaintained').provision(version('1.4.0')), conflict);
    await refused(there.unmaintained.update(version('1.4.0')), conflict);
  });

  it('[19] goes by the plan that an update leads to', async () => {
    await refused(quick.update({ plan_id: 'unmaintained', ...version('1.4.0') }), conflict);
    const sent = there.unmaintained.update({ plan_id: 'slow', ...version('1.4.0') });
    expect((await broker.send(sent)).status).toBe(202);
    await untilIdle(broker);
  });

  it('[19] is not the answer to the right version, or to none', async () => {
    for (const values of [version('1.4.0'), { maintenance_info: { description: 'other' } }, {}]) {
      expect((await broker.send(gone().provision(values))).status).toBe(201);
      expect((await broker.send(quick.update(values))).status).toBe(200);
    }
  });
});

describe('how an operation that failed left its instance', () => {
  /** What a failed operation says of it, when polled. */
  async function aftermath(requests: FakeRequests, poll = requests.poll()): Promise<JsonObject> {
    const { state, description, ...rest } = (await untilOver(broker, poll)).json;
    expect([state, description]).toEqual(['failed', expect.stringMatching(/\S/)]);
    return rest;
  }
  const failing = (fail: string): JsonObject => ({ parameters: { fail } });

  it('[21] a provision, a bind and an unbind say nothing of it', async () => {
    const [one, id] = [fakeRequests('slow'), freshId()];
    await broker.send(one.provision(failing('provision')));
    expect(await aftermath(one)).toEqual({});
    const binding = await made(fakeRequests('slow'), { fail: 'bind' });
    await broker.send(binding.bind(id));
    expect(await aftermath(binding, binding.pollBinding(id))).toEqual({});
    await broker.send(binding.unbind(id));
    const unbinding = await made(fakeRequests('slow'), { fail: 'unbind' });
    await bound(unbinding, `${id}-2`);
    await broker.send(unbinding.unbind(`${id}-2`));
    expect(await aftermath(unbinding, unbinding.pollBinding(`${id}-2`))).toEqual({});
  });

  it('[21] an update says whether the instance can be used and the update be repeated', async () => {
    const one = await made(fakeRequests('slow'));
    await broker.send(one.update(failing('update')));
    expect(await aftermath(one)).toEqual({ instance_usable: true, update_repeatable: true });
    await broker.send(one.update(failing('broken-update')));
    expect(await aftermath(one)).toEqual({ instance_usable: false, update_repeatable: true });
  });

  it('[21] a deprovision says whether the instance can be used, and nothing of updates', async () => {
    const one = await made(fakeRequests('slow'), { fail: 'broken-deprovision' });
    await broker.send(one.deprovision());
    expect(await aftermath(one)).toEqual({ instance_usable: false });
  });

  it('[21] an error answer says the same as a poll', async () => {
    const one = await made(fakeRequests('quick'));
    const provision = await broker.send(fakeRequests('quick').provision(failing('provision'), ''));
    const update = await broker.send(one.update(failing('broken-update'), ''));
    await broker.send(one.update(failing('deprovision'), ''));
    const ids = 'service_id=fake-service&plan_id=quick';
    const deprovision = await broker.send(one.deprovision(ids));
    const words = { error: expect.any(String) as string, description: expect.any(String) as string };
    expect([provision, update, deprovision].map(({ status }) => status)).toEqual([500, 500, 500]);
    expect(provision.json).toEqual(words);
    expect(update.json).toEqual({ ...words, instance_usable: false, update_repeatable: true });
    expect(deprovision.json).toEqual({ ...words, instance_usable: false });
  });

  it('[21] what is in progress or succeeded says nothing of it', async () => {
    const one = await made(fakeRequests('slow'));
    expect(Object.keys((await broker.send(one.poll())).json).sort()).toEqual(['description', 'state']);
    await broker.send(one.update({ parameters: { milliseconds: 600_000 } }));
    expect(Object.keys((await broker.send(one.poll())).json).sort()).toEqual(['description', 'state']);
    await broker.send(one.deprovision());
  });
});

describe('of several faults the first in this order is named', () => {
  const spoilt = (sent: Sent, ...faults: ('credentials' | 'version')[]): Sent => ({
    ...sent,
    headers: {
      ...(faults.includes('credentials') ? { authorization: undefined } : {}),
      ...(faults.includes('version') ? { 'x-broker-api-version': undefined } : {}),
    },
  });

  /** Sends the same request with one fault less each time. */
  async function expectOrder(steps: [Sent, number, string][]): Promise<void> {
    for (const [sent, status, error] of steps) {
      await refused(sent, { status, error, description: /\S/ });
    }
  }

  it('[22] credentials, version, body', async () => {
    for (const good of [gone().provision(), quick.update(), quick.bind(freshId())]) {
      const broken = { ...good, body: '{' };
      await expectOrder([
        [spoilt(broken, 'credentials', 'version'), 401, 'Unauthorized'],
        [spoilt(broken, 'version'), 412, 'PreconditionFailed'],
        [broken, 400, 'BadRequest'],
      ]);
    }
  });

  it('[22] a provision: ids, maintenance version, conflict, AsyncRequired', async () => {
    const old = { maintenance_info: { version: '1.0.0' } };
    const other = { plan_id: 'slow', organization_guid: 'other' };
    await expectOrder([
      [slow.provision({ ...other, ...old, plan_id: '' }, ''), 400, 'BadRequest'],
      [slow.provision({ ...other, ...old, plan_id: 'unknown' }, ''), 400, 'BadRequest'],
      [slow.provision({ ...other, ...old }, ''), 422, 'MaintenanceInfoConflict'],
      [slow.provision(other, ''), 409, 'Conflict'],
      [fakeRequests('slow').provision({}, ''), 422, 'AsyncRequired'],
    ]);
    expect((await broker.send(slow.provision({}, ''))).status).toBe(200);
  });

  it('[22] a bind: ids, conflict, AsyncRequired', async () => {
    const other = { parameters: { role: 'writer' } };
    await expectOrder([
      [slow.bind('slow-b', { ...other, plan_id: '' }, ''), 400, 'BadRequest'],
      [slow.bind('slow-b', { ...other, plan_id: 'unknown' }, ''), 400, 'BadRequest'],
      [slow.bind('slow-b', other, ''), 409, 'Conflict'],
      [slow.bind(freshId(), {}, ''), 422, 'AsyncRequired'],
    ]);
    expect((await broker.send(slow.bind('slow-b', {}, ''))).status).toBe(200);
  });

  it('[22] a deprovision: AsyncRequired, ids, gone', async () => {
    const unknown = fakeRequests('slow');
    const ids = 'service_id=fake-service&plan_id=slow';
    await expectOrder([
      [slow.deprovision(''), 422, 'AsyncRequired'],
      [unknown.deprovision(ids), 422, 'AsyncRequired'],
      [slow.deprovision(withoutIds), 400, 'BadRequest'],
      [unknown.deprovision(withoutIds), 400, 'BadRequest'],
      [unknown.deprovision('service_id=fake-service&accepts_incomplete=true'), 400, 'BadRequest'],
      [unknown.deprovision(`${withoutIds}&${ids}`), 410, 'Gone'],
    ]);
  });

  it('[22] an unbind: AsyncRequired, gone, ids', async () => {
    const ids = 'service_id=fake-service&plan_id=slow';
    await expectOrder([
      [slow.unbind('slow-b', ''), 422, 'AsyncRequired'],
      [fakeRequests('slow').unbind('nobody', ids), 422, 'AsyncRequired'],
      [slow.unbind('nobody', withoutIds), 410, 'Gone'],
      [fakeRequests('slow').unbind('nobody', withoutIds), 410, 'Gone'],
      [slow.unbind('slow-b', withoutIds), 400, 'BadRequest'],
    ]);
  });
});
