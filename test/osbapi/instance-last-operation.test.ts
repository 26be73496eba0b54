import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FakeRequests,
  fakeRequests,
  freshId,
  type OsbBroker,
  startOsbBroker,
  testCredentials,
  untilOver,
} from '../support/osb-broker.ts';
import {
  as,
  credentialOf,
  externalNameOf,
  lastingProvision,
  lastingUpdate,
  operationOf,
  readyInstance,
  until,
} from './binding-steps.ts';

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [...testCredentials(), credentialOf('gone', { options: { pollAfterDeletion: 'gone' } })],
  });
});
afterAll(() => broker.close());

const poll = (requests: FakeRequests, operation?: string) =>
  broker.send(requests.poll(operation === undefined ? '' : `?operation=${encodeURIComponent(operation)}`));

describe('polling an instance', () => {
  it('[55] says in progress, succeeded or failed, and in words how it stands', async () => {
    const making = await lastingProvision(broker);
    const made = await readyInstance(broker);
    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    const answers = [await poll(making), await poll(made), await poll(failed)];
    expect(answers.map(({ status, json }) => [status, json.state])).toEqual([
      [200, 'in progress'],
      [200, 'succeeded'],
      [200, 'failed'],
    ]);
    for (const { json } of answers) expect(json.description).toMatch(/^\S.+/);
  });

  it('[56] of an instance that never was is 404', async () => {
    expect(await poll(fakeRequests())).toMatchObject({ status: 404, json: { error: 'NotFound' } });
    expect((await poll(fakeRequests(), freshId())).status).toBe(404);
  });

  it.each([
    ['an unknown operation', '?operation=unknown'],
    ['an operation that is no UUID of ours', '?operation=00000000-0000-0000-0000-000000000000'],
    ['another service and plan', '?service_id=other&plan_id=other'],
    ['a plan twice', '?plan_id=a&plan_id=b'],
    ['an empty operation', '?operation='],
    ['an operation twice', '?operation=a&operation=b'],
  ])('[56, 64] with %s is no error: they are hints', async (_what, query) => {
    const made = await readyInstance(broker);
    expect(await broker.send(made.poll(query))).toMatchObject({ status: 200, json: { state: 'succeeded' } });
  });

  it('[57] without a token, or with one it does not know, tells of the latest operation', async () => {
    const requests = await readyInstance(broker, 'slow');
    await broker.send(requests.update({ plan_id: 'quick', parameters: { fail: 'broken-update' } }));
    await untilOver(broker, requests.poll());
    for (const query of ['', '?operation=update', '?plan_id=quick', '?plan_id=slow&operation=provision']) {
      expect((await broker.send(requests.poll(query))).json.state, query).toBe('failed');
    }
  });

  it('[58] takes the token back as a URL carries it, and tells of that operation', async () => {
    const requests = fakeRequests('slow');
    const provision = operationOf(await broker.send(requests.provision()));
    await untilOver(broker, requests.poll());
    const update = operationOf(await broker.send(requests.update({ parameters: { fail: 'broken-update' } })));
    await untilOver(broker, requests.poll());
    const everyByte = [...provision].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('');
    expect((await broker.send(requests.poll(`?operation=${everyByte}`))).json.state).toBe('succeeded');
    expect((await poll(requests, provision)).json.state).toBe('succeeded');
    expect((await poll(requests, update)).json.state).toBe('failed');
  });

  it('[58] never tells of the operation of another instance', async () => {
    const mine = await readyInstance(broker);
    const other = await lastingProvision(broker);
    const token = operationOf(await broker.send(other.provision({ parameters: { milliseconds: 600_000 } })));
    expect((await poll(mine, token)).json.state).toBe('succeeded');
  });

  it('[59] after a deletion is 200 succeeded for a day, then 410; a create that it overtook never gets 410', async () => {
    const requests = fakeRequests('slow');
    const create = operationOf(
      await broker.send(requests.provision({ parameters: { milliseconds: 600_000 } })),
    );
    const deletion = operationOf(await broker.send(requests.deprovision()));
    expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
    expect((await poll(requests, deletion)).status).toBe(200);
    await broker.query(
      `update operations set finished_at = finished_at - interval '25 hours' where uid = '${deletion}'`,
    );
    expect((await poll(requests, deletion)).status).toBe(410);
    expect((await poll(requests)).status).toBe(410);
    expect(await poll(requests, create)).toMatchObject({ status: 200, json: { state: 'failed' } });
  });

  it('[59] for an update that a deletion overtook is never 410, whatever the options say', async () => {
    const requests = await readyInstance(broker, 'slow');
    const update = operationOf(await lastingUpdate(broker, requests));
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
    for (const sent of [
      requests.poll(`?operation=${update}`),
      as('gone', requests.poll(`?operation=${update}`)),
    ]) {
      expect(await broker.send(sent)).toMatchObject({ status: 200, json: { state: 'failed' } });
    }
  });

  it('[59] after a deletion is 410 at once where the options say so', async () => {
    const requests = await readyInstance(broker, 'slow');
    const deletion = operationOf(await broker.send(requests.deprovision()));
    await untilOver(broker, requests.poll());
    const gone = await broker.send(as('gone', requests.poll(`?operation=${deletion}`)));
    expect(gone).toMatchObject({ status: 410, json: { error: 'Gone' } });
    // An instance that is there is polled as ever.
    const there = await readyInstance(broker);
    expect((await broker.send(as('gone', there.poll()))).status).toBe(200);
  });

  it('[60] tells how it ended again and again, in every process', async () => {
    const requests = fakeRequests('slow');
    await broker.send(requests.provision({ parameters: { fail: 'provision' } }));
    const first = await untilOver(broker, requests.poll());
    const another = await broker.another();
    for (const each of [await poll(requests), await poll(requests), await another.send(requests.poll())]) {
      expect(each.json).toEqual(first.json);
    }
  });

  it('[61] asks to come again after whole seconds, only while it is in progress', async () => {
    const making = await lastingProvision(broker);
    expect((await poll(making)).headers['retry-after']).toMatch(/^([1-9]|[12]\d|30)$/);
    expect((await poll(await readyInstance(broker))).headers).not.toHaveProperty('retry-after');
  });

  it.each([
    ['0 seconds', 1],
    ['1 minute', 15],
    ['1 hour', 30],
  ])('[61] asks for more patience with what is in progress for %s: %d s', async (age, seconds) => {
    const making = await lastingProvision(broker);
    await broker.query(
      `update operations set created_at = created_at - interval '${age}'
       where instance_uid = (select uid from service_instances where instance_id = '${making.id}')`,
    );
    const asked = Number((await poll(making)).headers['retry-after']);
    // The test itself may have taken a while.
    expect(asked).toBeGreaterThanOrEqual(seconds);
    expect(asked).toBeLessThanOrEqual(seconds + 2);
  });

  it.each([
    ['update', true, { state: 'failed', instance_usable: true, update_repeatable: true }],
    ['broken-update', false, { state: 'failed', instance_usable: false, update_repeatable: true }],
  ])(
    '[62] after a failed update (%s) tells whether the instance can be used and the update repeated',
    async (fail, _usable, told) => {
      const requests = await readyInstance(broker, 'slow');
      await broker.send(requests.update({ parameters: { fail } }));
      const answer = await untilOver(broker, requests.poll());
      expect(answer.json).toMatchObject(told);
      expect(answer.json.description).toContain('told to fail');
    },
  );

  it('[62] after a failed deprovision tells whether the instance can be used, and nothing of updates', async () => {
    const requests = await readyInstance(broker, 'slow', { fail: 'broken-deprovision' });
    await broker.send(requests.deprovision());
    const { json } = await untilOver(broker, requests.poll());
    expect(json).toMatchObject({ state: 'failed', instance_usable: false });
    expect(json).not.toHaveProperty('update_repeatable');
  });

  it('[62] says neither of anything that runs, went well, or is a provision', async () => {
    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    const updating = await readyInstance(broker, 'slow');
    await lastingUpdate(broker, updating);
    for (const requests of [failed, updating, await readyInstance(broker)]) {
      const { json } = await poll(requests);
      expect(Object.keys(json).sort()).toEqual(['description', 'state']);
    }
  });

  it('[63] of a create that a delete cancelled tells of each by its token, and of the delete without one', async () => {
    const requests = fakeRequests('slow');
    const sent = requests.provision({ parameters: { milliseconds: 600_000, removeMilliseconds: 600_000 } });
    const create = operationOf(await broker.send(sent));
    const name = await externalNameOf(broker, requests);
    await until(async () => broker.fake.instances.has(`${name}-server`));
    const deletion = operationOf(await broker.send(requests.deprovision()));
    const told = async () => [
      await poll(requests, create),
      await poll(requests, deletion),
      await poll(requests),
    ];
    expect((await told()).map(({ json }) => json.state)).toEqual(['failed', 'in progress', 'in progress']);
    broker.fake.behave(name, { removeMilliseconds: 0 });
    await untilOver(broker, requests.poll());
    expect((await told()).map(({ json }) => json.state)).toEqual(['failed', 'succeeded', 'succeeded']);
  });

  it('[63] of a create that a synchronous delete cancelled says failed', async () => {
    const requests = fakeRequests('quick');
    const create = operationOf(
      await broker.send(requests.provision({ parameters: { milliseconds: 600_000 } })),
    );
    const ids = 'service_id=fake-service&plan_id=quick';
    expect((await broker.send(requests.deprovision(ids))).status).toBe(200);
    expect((await poll(requests, create)).json).toMatchObject({
      state: 'failed',
      description: expect.stringContaining('deleted') as string,
    });
  });
});
