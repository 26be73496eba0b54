import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, errorCatalogue } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  untilOver,
} from '../support/osb-broker.ts';
import type { Answer } from '../support/osb-client.ts';
import {
  bound,
  concurrencyError,
  expectRefused,
  lastingProvision,
  lastingUpdate,
  operationOf,
  readyInstance,
  untilClaimed,
  usernameOf,
  waitingBinding,
} from './binding-steps.ts';

let broker: OsbBroker;
let replica: Awaited<ReturnType<OsbBroker['another']>>;
beforeAll(async () => {
  broker = await startOsbBroker({ settings: { quickWaitMs: 150 } });
  replica = await broker.another();
});
afterAll(() => broker?.close());

const stateOf = async ({ send }: Pick<OsbBroker, 'send'>, requests: FakeRequests, operation?: string) =>
  (await send(requests.poll(operation === undefined ? '' : `?operation=${operation}`))).json.state;

describe('a synchronous answer', () => {
  it('[120] comes when it is done: the instance is ready, the login works, the update is made, all is gone', async () => {
    const requests = fakeRequests('quick');
    const ids = 'service_id=fake-service&plan_id=quick';
    const parameters = { milliseconds: 120, bindMilliseconds: 120 };
    expect((await broker.send(requests.provision({ parameters }, ''))).status).toBe(201);
    expect((await broker.send(requests.fetch())).status).toBe(200);
    const name = await externalNameOf(requests);
    expect(broker.fake.instances.get(`${name}-server`)?.readyAt).toBeLessThanOrEqual(Date.now());

    const id = freshId();
    const binding = await broker.send(requests.bind(id, {}, ''));
    expect(binding.status).toBe(201);
    expect(broker.fake.logins.has(usernameOf(binding))).toBe(true);

    const note = { parameters: { ...parameters, note: 'new' } };
    expect((await broker.send(requests.update(note, ''))).status).toBe(200);
    expect((await broker.send(requests.fetch())).json.parameters).toMatchObject({ note: 'new' });
    expect(broker.fake.instances.get(`${name}-server`)?.inputs.note).toBe('new');

    expect((await broker.send(requests.unbind(id, ids))).status).toBe(200);
    expect(broker.fake.logins.has(usernameOf(binding))).toBe(false);
    expect((await broker.send(requests.deprovision(ids))).status).toBe(200);
    expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
  });

  it('[120] turns into 202 when a verb that is mostly quick is not, and the platform can poll', async () => {
    const requests = fakeRequests('quick');
    const parameters = { milliseconds: 400, bindMilliseconds: 400 };
    expect((await broker.send(requests.provision({ parameters }))).status).toBe(202);
    expect((await broker.send(requests.fetch())).status).toBe(404);
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
    const id = freshId();
    const accepted = await broker.send(requests.bind(id));
    expect([accepted.status, Object.keys(accepted.json)]).toEqual([202, ['operation']]);
    expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('succeeded');
  });
});

describe('an asynchronous answer', () => {
  it('[121] is 202, and last_operation answers at once, in every process', async () => {
    const requests = fakeRequests('slow');
    const id = freshId();
    const processes = [broker, replica, await broker.another()];
    const pollAll = async (operation: string, poll: (query: string) => { path: string }) => {
      for (const { send } of processes) {
        for (const query of ['', `?operation=${operation}`]) {
          const answer = await send(poll(query));
          expect(answer).toMatchObject({ status: 200, json: { state: expect.any(String) as string } });
        }
      }
      expect((await untilOver(replica, poll(`?operation=${operation}`))).json.state).toBe('succeeded');
    };
    const ofBinding = (query: string) => requests.pollBinding(id, query);
    for (const [sent, poll] of [
      [requests.provision(), requests.poll],
      [requests.update({ parameters: { note: 'new' } }), requests.poll],
      [requests.bind(id), ofBinding],
      [requests.unbind(id), ofBinding],
      [requests.deprovision(), requests.poll],
    ] as const) {
      const accepted = await broker.send(sent);
      expect(accepted.status).toBe(202);
      await pollAll(operationOf(accepted), poll);
    }
  });

  it('[121] is never given to a platform that cannot poll', async () => {
    const [quick, slow] = [await readyInstance(broker, 'quick'), await readyInstance(broker, 'slow')];
    const [ofQuick, ofSlow] = [freshId(), freshId()];
    await bound(broker, slow, ofSlow);
    const ids = (plan: string) => `service_id=fake-service&plan_id=${plan}`;
    const statuses = [];
    for (const sent of [
      fakeRequests('quick').provision({}, ''),
      quick.update({ parameters: { note: 'new' } }, ''),
      quick.bind(ofQuick, {}, ''),
      quick.unbind(ofQuick, ids('quick')),
      quick.deprovision(ids('quick')),
      fakeRequests('slow').provision({}, ''),
      slow.update({ parameters: { note: 'new' } }, ''),
      slow.bind(freshId(), {}, ''),
      slow.unbind(ofSlow, ids('slow')),
      slow.deprovision(ids('slow')),
    ]) {
      statuses.push((await broker.send(sent)).status);
    }
    expect(statuses).toEqual([201, 200, 201, 200, 200, 422, 422, 422, 422, 422]);
  });
});

describe('an operation', () => {
  it('[122] that failed has failed for ever, also when its worker ends well later', async () => {
    const lazy = await readyInstance(broker, 'slow', { bindMilliseconds: 300 });
    const id = freshId();
    const bind = operationOf(await broker.send(lazy.bind(id)));
    await untilClaimed(broker, bind);
    await broker.send(lazy.unbind(id));
    const poll = lazy.pollBinding(id, `?operation=${bind}`);
    expect((await broker.send(poll)).json.state).toBe('failed');
    expect((await untilOver(broker, lazy.pollBinding(id))).json.state).toBe('succeeded');
    expect(broker.fake.effectsOf(await externalNameOfBinding(lazy, id))).toEqual(['login', 'revoke']);
    expect((await broker.send(poll)).json.state).toBe('failed');
  });

  it('[122] that failed stays so when the next one succeeds', async () => {
    const requests = await readyInstance(broker, 'slow');
    const failing = operationOf(await broker.send(requests.update({ parameters: { fail: 'update' } })));
    expect((await untilOver(broker, requests.poll())).json.state).toBe('failed');
    await broker.send(requests.update({ parameters: { note: 'new' } }));
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
    expect(await stateOf(broker, requests, failing)).toBe('failed');
  });

  it('[123] has a time limit within the maximum_polling_duration of its plan, also a bind that waits', async () => {
    const { services } = (await broker.send({ path: '/v2/catalog' })).json as {
      services: { plans: { id: string; maximum_polling_duration: number }[] }[];
    };
    const plan = services.flatMap(({ plans }) => plans).find(({ id }) => id === 'slow');
    const { requests } = await waitingBinding(broker, freshId());
    const updating = await readyInstance(broker, 'slow');
    await lastingUpdate(broker, updating);
    await broker.send(updating.bind(freshId()));
    const limits = await broker.query(`
      select o.type, extract(epoch from o.deadline - o.created_at)::float8 as seconds
      from operations o join service_instances i on i.uid = o.instance_uid
      where i.instance_id in ('${requests.id}', '${updating.id}')`);
    expect(limits.map(({ type }) => type).sort()).toEqual([
      'bind',
      'bind',
      'provision',
      'provision',
      'update',
    ]);
    for (const { type, seconds } of limits) {
      expect(Number(seconds), String(type)).toBeGreaterThan(0);
      expect(Number(seconds), String(type)).toBeLessThanOrEqual(plan?.maximum_polling_duration ?? 0);
    }
  });

  it('[123] that runs out of time fails by itself, and what it began can be deleted', async () => {
    const requests = await lastingProvision(broker);
    await broker.query(`
      update operations set deadline = clock_timestamp() where instance_uid =
        (select uid from service_instances where instance_id = '${requests.id}')`);
    const ended = await untilOver(broker, requests.poll());
    const description = expect.stringMatching(/did not finish within its time limit/) as string;
    expect(ended.json).toEqual({ state: 'failed', description });
    await broker.send(requests.deprovision());
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
  });

  it('[124] is found by its token; without one, or with a strange one, it is the latest', async () => {
    const requests = await readyInstance(broker, 'slow');
    const failing = operationOf(await broker.send(requests.update({ parameters: { fail: 'update' } })));
    await untilOver(broker, requests.poll());
    const running = operationOf(await lastingUpdate(broker, requests));
    expect(await stateOf(broker, requests, failing)).toBe('failed');
    expect(await stateOf(broker, requests, running)).toBe('in progress');
    expect(await stateOf(broker, requests)).toBe('in progress');
    expect(await stateOf(broker, requests, 'provision')).toBe('in progress');
    expect(await stateOf(broker, requests, '00000000-0000-4000-8000-000000000000')).toBe('in progress');
    const other = operationOf(await broker.send(fakeRequests('slow').provision()));
    expect(await stateOf(broker, requests, other)).toBe('in progress');
  });
});

describe('requests that collide', () => {
  it('[125] are answered at once with 422 ConcurrencyError, all but one of them', async () => {
    const requests = await readyInstance(broker, 'slow');
    const answers: Answer[] = await Promise.all([
      ...[1, 2, 3].map((number) => broker.send(lasting(requests, `note ${number}`))),
      ...[4, 5, 6].map((number) => replica.send(lasting(requests, `note ${number}`))),
    ]);
    const [accepted, ...refused] = answers.sort((one, other) => one.status - other.status);
    expect(accepted?.status).toBe(202);
    for (const answer of refused) expect(answer).toMatchObject(concurrencyError);
    expect(await stateOf(broker, requests)).toBe('in progress');
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
  });

  it('[125] do not when they are about different bindings or instances', async () => {
    const [busy, free] = [await readyInstance(broker, 'slow'), await readyInstance(broker, 'slow')];
    await lastingUpdate(broker, busy);
    const ids = [freshId(), freshId(), freshId()];
    const answers = await Promise.all([
      ...ids.map((id) => broker.send(free.bind(id))),
      broker.send(fakeRequests('slow').provision()),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    for (const id of ids) {
      expect((await untilOver(broker, free.pollBinding(id))).json.state).toBe('succeeded');
    }
    expect(await stateOf(broker, busy)).toBe('in progress');
  });

  it('[126] may come again later, word for word; what is the fault of a user stays refused', async () => {
    const requests = fakeRequests('bind-quick');
    await broker.send(requests.provision({ parameters: { milliseconds: 300 } }));
    const early = requests.bind(freshId(), {}, '');
    await expectRefused(broker, concurrencyError, early);
    const wrong = requests.bind(freshId(), { parameters: { role: 'king' } });
    expect((await broker.send(wrong)).status).toBe(400);
    await untilOver(broker, requests.poll());
    expect((await broker.send(early)).status).toBe(201);
    expect((await broker.send(wrong)).status).toBe(400);
  });

  it('[126] 400 is only ever the fault of whoever calls, and no fault that passes is below 500', () => {
    const entries = Object.entries(errorCatalogue) as [
      ErrorCode,
      { status: number; actor: string; retry: boolean },
    ][];
    expect(entries.filter(([, { status, actor }]) => status === 400 && actor !== 'caller')).toEqual([]);
    expect(entries.filter(([, { status, actor }]) => status < 500 && actor === 'chandler')).toEqual([]);
    expect(entries.filter(([, { status, retry }]) => status < 500 && retry)).toEqual([]);
  });
});

function lasting(requests: FakeRequests, note: string) {
  const parameters: JsonObject = { milliseconds: 600_000, note };
  return requests.update({ parameters });
}

async function externalNameOf({ id }: FakeRequests): Promise<string> {
  const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
  return instance?.externalName ?? '';
}

async function externalNameOfBinding({ id }: FakeRequests, bindingId: string): Promise<string> {
  const key = { platform: 'kubernetes', instanceId: id, bindingId };
  return (await broker.store.findBindingOrTombstone(key))?.externalName ?? '';
}
