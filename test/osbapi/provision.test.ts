import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
  untilOver,
} from '../support/osb-broker.ts';
import {
  as,
  asyncRequired,
  bound,
  credentialOf,
  expectRefused,
  externalNameOf,
  lastingProvision,
  lastingUpdate,
  operationOf,
  readyInstance,
  until,
} from './binding-steps.ts';
import { untilIdle } from './refusal.ts';

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('lenient', { options: { organizationAndSpace: 'optional' } }),
      credentialOf('stubborn', { options: { repeatAfterFailure: 'retry' } }),
      credentialOf('strict', { options: { provisionDuringUpdate: 'refuse' } }),
    ],
  });
});
afterAll(() => broker.close());

const required = ['service_id', 'plan_id', 'organization_guid', 'space_guid'];
/** Writers of instances that a lock of the table keeps waiting. */
const waitingInserts = `select 1 from pg_locks where not granted and mode = 'RowExclusiveLock'
  and relation = 'service_instances'::regclass
  and database = (select oid from pg_database where datname = current_database())`;
const conflict = { status: 409, json: { error: 'Conflict' } };

describe('the body of a provision', () => {
  it.each(
    required.flatMap((field) => [
      [field, 'missing', undefined],
      [field, 'null', null],
      [field, 'empty', ''],
      [field, 'a number', 1],
    ]),
  )(
    '[38] without %s (%s) is refused with 400 that names it, and leaves no row',
    async (field, _how, value) => {
      const sent = fakeRequests().provision();
      const { [field as string]: _old, ...rest } = sent.body as JsonObject;
      const body = value === undefined ? rest : { ...rest, [field as string]: value };
      await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, { ...sent, body });
      const answer = await broker.send({ ...sent, body });
      expect(answer.json.description).toContain(field);
    },
  );

  it('[38] may lack organization and space where the options say so', async () => {
    const requests = fakeRequests('quick');
    const sent = requests.provision({ organization_guid: null, space_guid: '' });
    expect((await broker.send(sent)).status).toBe(400);
    expect((await broker.send(as('lenient', sent))).status).toBe(201);
    expect((await broker.send(as('lenient', sent))).status).toBe(200);
  });

  it('[39] with a service or plan that the catalog does not have is refused with 400', async () => {
    const unknown = fakeRequests();
    await expectRefused(
      broker,
      { status: 400, json: { error: 'BadRequest' } },
      unknown.provision({ service_id: 'unknown' }),
      unknown.provision({ plan_id: 'unknown' }),
      // A plan of another service.
      unknown.provision({ plan_id: 'attached' }),
    );
  });

  it('[39] with an unknown plan is refused with 400 also for an instance that exists', async () => {
    const ready = await readyInstance(broker);
    await expectRefused(broker, { status: 400 }, ready.provision({ plan_id: 'unknown' }));
  });

  it.each([
    ['no JSON', '{"service_id":'],
    ['a list', '[]'],
    ['a text', '"text"'],
    ['nothing', ''],
  ])('[40] that is %s is refused with 400', async (_what, body) => {
    const sent = fakeRequests().provision();
    await expectRefused(broker, { status: 400 }, { ...sent, body });
  });

  it.each([
    ['parameters', 'text'],
    ['parameters', []],
    ['context', 7],
    ['maintenance_info', 'x'],
  ])('[40] with %s of the wrong type is refused with 400', async (field, value) => {
    await expectRefused(broker, { status: 400 }, fakeRequests().provision({ [field]: value }));
  });

  it.each([
    ['an unknown one', { colour: 'red' }, 'There is no parameter `colour`'],
    ['a wrong type', { milliseconds: 'soon' }, '`milliseconds` must be of type integer'],
    ['too much', { size: '101Gi' }, '`size` must be at most 100Gi'],
    ['no choice of the list', { fail: 'always' }, '`fail` must be one of'],
  ])(
    '[41] with parameters that break the schema (%s) is refused with 400 and says how, without the value',
    async (_how, parameters, text) => {
      const sent = fakeRequests().provision({ parameters });
      await expectRefused(broker, { status: 400, json: { error: 'InvalidParameters' } }, sent);
      const { description } = (await broker.send(sent)).json;
      expect(description).toContain(text);
      for (const value of Object.values(parameters)) expect(description).not.toContain(value);
    },
  );

  it.each(['slow', 'quick'])(
    '[48] with another maintenance version than that of the plan %s is 422',
    async (plan) => {
      const requests = fakeRequests(plan);
      const refused = { status: 422, json: { error: 'MaintenanceInfoConflict' } };
      await expectRefused(broker, refused, requests.provision({ maintenance_info: { version: '1.3.9' } }));
      const taken = await broker.send(
        requests.provision({ maintenance_info: { version: '1.4.0', description: 'is not compared' } }),
      );
      expect([201, 202]).toContain(taken.status);
    },
  );

  it('[48] with a maintenance version for a plan that has none is 422; without one nothing is checked', async () => {
    const requests = fakeRequests('unmaintained');
    const refused = { status: 422, json: { error: 'MaintenanceInfoConflict' } };
    await expectRefused(broker, refused, requests.provision({ maintenance_info: { version: '1.0.0' } }));
    expect((await broker.send(requests.provision({ maintenance_info: {} }))).status).toBe(202);
  });

  it('[54] may name an instance by anything that is not empty', async () => {
    const id = encodeURIComponent(`it's a/"strange" ü id ${freshId()}`);
    const requests = fakeRequests('quick', id);
    expect((await broker.send(requests.provision())).status).toBe(201);
    expect((await broker.send(requests.fetch())).status).toBe(200);
    const empty = fakeRequests('quick', '');
    expect((await broker.send(empty.provision())).status).toBe(404);
    const longest = freshId().padEnd(1000, 'x');
    expect((await broker.send(fakeRequests('quick', longest).provision())).status).toBe(201);
    await expectRefused(broker, { status: 400 }, fakeRequests('quick', `${longest}x`).provision());
  });
});

describe('a provision', () => {
  it('[42] that is done within the request is 201', async () => {
    const answer = await broker.send(fakeRequests('quick').provision({}, ''));
    expect(answer).toMatchObject({ status: 201 });
    expect(answer.json).not.toHaveProperty('operation');
  });

  it('[43] that takes longer is 202 with an operation, or 422 when the platform cannot poll, and then nothing is written', async () => {
    const requests = fakeRequests('slow');
    await expectRefused(
      broker,
      asyncRequired,
      requests.provision({}, ''),
      requests.provision({}, 'accepts_incomplete=false'),
    );
    const answer = await broker.send(requests.provision());
    expect(answer).toMatchObject({ status: 202, json: { operation: expect.any(String) as string } });
    // A plan that can be quick may ignore that the platform could wait.
    expect((await broker.send(fakeRequests('quick').provision())).status).toBe(201);
  });

  it('[44] that is sent again while it runs is 202 with the same operation, in every process', async () => {
    const requests = await lastingProvision(broker);
    const sent = requests.provision({ parameters: { milliseconds: 600_000 } });
    const first = operationOf(await broker.send(sent));
    const second = await broker.another();
    for (const each of [await broker.send(sent), await second.send(sent)]) {
      expect([each.status, each.json.operation]).toEqual([202, first]);
    }
  });

  it('[44] that arrives twice in the same moment is made once: who loses the race joins the other', async () => {
    const requests = fakeRequests('slow');
    const sent = requests.provision({ parameters: { milliseconds: 600_000 } });
    await untilIdle(broker);
    // Lets both look for the row, and neither write it.
    await broker.query('begin; lock table service_instances in share mode');
    const both = Promise.all([broker.send(sent), broker.send(sent)]);
    await until(async () => (await broker.query(waitingInserts)).length === 2);
    await broker.query('commit');
    const [one, other] = await both;
    expect([one.status, other.status]).toEqual([202, 202]);
    expect(operationOf(other)).toBe(operationOf(one));
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
  });

  it('[45] that is sent again when it is done is 200 with the body of the first', async () => {
    const requests = fakeRequests('quick');
    const first = await broker.send(requests.provision());
    const again = await broker.send(requests.provision());
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual(first.json);
  });

  it.each([
    ['plan', { plan_id: 'slow' }],
    ['service', { service_id: 'attached-service', plan_id: 'attached' }],
    ['organization', { organization_guid: 'another' }],
    ['space', { space_guid: 'another' }],
    ['parameters', { parameters: { note: 'other' } }],
    ['namespace', { context: { platform: 'kubernetes', namespace: 'team-b' } }],
  ])('[46] with another %s is 409 for an instance that is there or being made', async (_what, values) => {
    const body = { context: { platform: 'kubernetes', namespace: 'team-a' } };
    const ready = await readyInstance(broker, 'quick', {}, body);
    await expectRefused(broker, conflict, ready.provision({ ...body, ...values }));
    const making = fakeRequests('bind-quick');
    await broker.send(making.provision({ ...body, parameters: { milliseconds: 600_000 } }));
    const parameters = { milliseconds: 600_000, ...('parameters' in values ? values.parameters : {}) };
    await expectRefused(broker, conflict, making.provision({ ...body, ...values, parameters }));
    await broker.send(making.deprovision());
    await untilOver(broker, making.poll());
  });

  it('[46] with other names and annotations in the context is the same one: they change', async () => {
    const named = (name: string) => ({
      context: {
        platform: 'kubernetes',
        namespace: 'team-a',
        instance_name: name,
        instance_annotations: { name },
      },
    });
    const ready = await readyInstance(broker, 'quick', {}, named('old'));
    expect((await broker.send(ready.provision(named('new')))).status).toBe(200);
  });

  it('[46] by another user is the same one', async () => {
    const ready = await readyInstance(broker, 'quick');
    const identity = Buffer.from('{"username":"jane"}').toString('base64');
    const headers = { 'x-broker-api-originating-identity': `kubernetes ${identity}` };
    expect((await broker.send({ ...ready.provision(), headers })).status).toBe(200);
  });

  it('[46] after an update is the same one with the plan and parameters that the instance has now', async () => {
    const ready = await readyInstance(broker, 'quick', { note: 'old' });
    await broker.send(ready.update({ plan_id: 'slow', parameters: { note: 'new' } }));
    await untilOver(broker, ready.poll());
    const now = ready.provision({ plan_id: 'slow', parameters: { note: 'new' } });
    expect((await broker.send(now)).status).toBe(200);
    await expectRefused(
      broker,
      conflict,
      ready.provision({ parameters: { note: 'old' } }),
      ready.provision({ parameters: { note: 'new' } }),
      ready.provision({ plan_id: 'slow', parameters: { note: 'old' } }),
    );
  });

  it('[47] that failed is not tried again by the same PUT: 409 says what to do, and then the id is free', async () => {
    const requests = fakeRequests('slow');
    const sent = requests.provision({ parameters: { fail: 'provision' } });
    await broker.send(sent);
    await untilOver(broker, requests.poll());
    await expectRefused(broker, conflict, sent);
    expect((await broker.send(sent)).json.description).toContain('Delete it and create it anew');
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.provision())).status).toBe(202);
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
  });

  it('[47] that failed is tried again by the same PUT where the options say so', async () => {
    const requests = fakeRequests('slow');
    const sent = as('stubborn', requests.provision({ parameters: { fail: 'provision-once' } }));
    const first = operationOf(await broker.send(sent));
    expect((await untilOver(broker, requests.poll())).json.state).toBe('failed');
    const again = await broker.send(sent);
    expect(again.status).toBe(202);
    expect(operationOf(again)).not.toBe(first);
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
    // What last_operation once called failed stays failed.
    expect((await broker.send(requests.poll(`?operation=${first}`))).json.state).toBe('failed');
  });

  it('[47] makes a new instance under an id that was deprovisioned, with names of its own', async () => {
    const requests = await readyInstance(broker, 'quick');
    const before = await externalNameOf(broker, requests);
    expect((await broker.send(requests.deprovision())).status).toBe(200);
    expect((await broker.send(requests.provision())).status).toBe(201);
    expect(await externalNameOf(broker, requests)).not.toBe(before);
  });

  it('[49] says the dashboard URL in the first answer, also in 202 and again, the same', async () => {
    const requests = fakeRequests('slow');
    const sent = requests.provision({ parameters: { size: '3Gi', milliseconds: 50 } });
    const first = await broker.send(sent);
    expect(first.status).toBe(202);
    expect(first.json.dashboard_url).toMatch(/^https:\/\/dashboard\.example\/i-[a-z2-7]{20}\?size=3Gi$/);
    expect((await broker.send(sent)).json).toEqual(first.json);
    await untilOver(broker, requests.poll());
    expect((await broker.send(sent)).json).toEqual({ dashboard_url: first.json.dashboard_url });
    expect((await broker.send(requests.fetch())).json.dashboard_url).toBe(first.json.dashboard_url);
    const other = await broker.send(fakeRequests('slow').provision({ parameters: { size: '3Gi' } }));
    expect(other.json.dashboard_url).not.toBe(first.json.dashboard_url);
  });

  it('[49] of a plan without a dashboard says nothing of one, not null', async () => {
    const requests = fakeRequests('attached', freshId(), 'attached-service');
    expect(Object.keys((await broker.send(requests.provision())).json)).toEqual([]);
  });

  it('[50] gives a short operation that a URL carries as it is, and none where none runs', async () => {
    const requests = fakeRequests('slow');
    const operation = operationOf(await broker.send(requests.provision()));
    expect(operation).toMatch(/^[A-Za-z0-9._~-]{1,100}$/);
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.provision())).json).not.toHaveProperty('operation');
  });

  it('[51] answers with nothing that closed schemas of older versions refuse', async () => {
    const answers = [
      await broker.send(fakeRequests('quick').provision()),
      await broker.send(fakeRequests('slow').provision()),
    ];
    for (const { json } of answers) {
      expect(Object.keys(json).filter((key) => !['operation', 'dashboard_url'].includes(key))).toEqual([]);
    }
  });

  it('[52] that was refused with 4xx has made nothing, in Postgres or outside', async () => {
    await untilIdle(broker);
    const made = broker.fake.effects.length;
    const refused = fakeRequests('quick');
    await expectRefused(broker, { status: 400 }, refused.provision({ parameters: { size: 'large' } }));
    expect((await broker.send(refused.deprovision())).status).toBe(410);
    expect(broker.fake.effects.slice(made)).toEqual([]);
  });

  it('[52] that failed within the request is 5xx, and the DELETE that follows cleans up', async () => {
    const requests = fakeRequests('quick');
    const answer = await broker.send(requests.provision({ parameters: { fail: 'provision' } }, ''));
    expect(answer.status).toBe(500);
    const name = await externalNameOf(broker, requests);
    expect((await broker.send(requests.deprovision())).status).toBe(200);
    expect((await broker.send(requests.deprovision())).status).toBe(410);
    expect(broker.fake.effectsOf(name)).toEqual(['provision', 'remove']);
  });

  it('[53] is answered before platforms give up, and cancelled when the platform cannot poll', async () => {
    const impatient = await startOsbBroker({ settings: { syncWaitMs: 50, quickWaitMs: 20 } });
    try {
      const requests = fakeRequests('quick');
      const slowOne = { parameters: { milliseconds: 600_000 } };
      const late = await impatient.send(requests.provision(slowOne, ''));
      expect(late).toMatchObject({ status: 503, json: { error: 'SynchronousTimeout' } });
      expect((await impatient.send(requests.poll())).json.state).toBe('failed');
      expect((await impatient.send(requests.deprovision())).status).toBeLessThan(300);
      await untilOver(impatient, requests.poll());
      expect(impatient.fake.instances.size).toBe(0);
      // A platform that can poll is not kept waiting.
      const begun = performance.now();
      expect((await impatient.send(fakeRequests('quick').provision(slowOne))).status).toBe(202);
      expect(performance.now() - begun).toBeLessThan(5_000);
    } finally {
      await impatient.close();
    }
  });

  it('[44] that waits for an update which fails does not tell what only answers to updates may tell', async () => {
    const requests = await readyInstance(broker, 'quick');
    const parameters = { milliseconds: 1500, fail: 'broken-update' };
    const running = broker.send(requests.update({ parameters }, ''));
    await until(async () => (await broker.send(requests.poll())).json.state === 'in progress');
    const joined = await broker.send(requests.provision({}, ''));
    expect(await running).toMatchObject({ status: 500, json: { instance_usable: false } });
    expect(joined.status).toBe(500);
    expect(Object.keys(joined.json).sort()).toEqual(['description', 'error']);
  });

  it('[44, 45] as it was, while the instance is updated, is 202 with the operation of the update, or 422 by option', async () => {
    const requests = await readyInstance(broker, 'slow');
    await bound(broker, requests, freshId());
    const { json } = await lastingUpdate(broker, requests);
    const again = await broker.send(requests.provision());
    expect([again.status, again.json.operation]).toEqual([202, json.operation]);
    expect(await broker.send(as('strict', requests.provision()))).toMatchObject({
      status: 422,
      json: { error: 'ConcurrencyError' },
    });
  });
});
