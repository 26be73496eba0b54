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
  asyncRequired,
  bound,
  concurrencyError,
  credentialOf,
  delivered,
  expectRefused,
  externalNameOf,
  lastingProvision,
  lastingUpdate,
  operationOf,
  readyInstance,
  usernameOf,
} from './binding-steps.ts';

let broker: OsbBroker;

beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('patient', { options: { deprovisionDuringUpdate: 'refuse' } }),
      credentialOf('careful', { options: { deprovisionWithBindings: 'refuse' } }),
      credentialOf('stale', { options: { deleteWithOtherPlan: 'ignore' } }),
    ],
  });
});
afterAll(() => broker.close());

const gone = { status: 410, json: { error: 'Gone' } };
const query = (plan: string, service = 'fake-service') =>
  `accepts_incomplete=true&service_id=${service}&plan_id=${plan}`;

async function removed(requests: FakeRequests): Promise<void> {
  await broker.send(requests.deprovision());
  expect((await untilOver(broker, requests.poll())).json.state).toBe('succeeded');
}

describe('a deprovision', () => {
  it.each([
    ['service_id', 'accepts_incomplete=true&plan_id=slow'],
    ['plan_id', 'accepts_incomplete=true&service_id=fake-service'],
    ['service_id and plan_id', 'accepts_incomplete=true'],
    ['plan_id', 'accepts_incomplete=true&service_id=fake-service&plan_id='],
  ])('[82] without %s is refused with 400', async (missing, without) => {
    const ready = await readyInstance(broker, 'slow');
    await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, ready.deprovision(without));
    expect((await broker.send(ready.deprovision(without))).json.description).toContain(`${missing} missing`);
  });

  it('[82] that names another service or plan is refused with 400, or done where the options say so', async () => {
    const ready = await readyInstance(broker, 'slow');
    const others = [query('quick'), query('unknown'), query('slow', 'attached-service')];
    await expectRefused(
      broker,
      { status: 400, json: { error: 'BadRequest' } },
      ...others.map((each) => ready.deprovision(each)),
    );
    expect((await broker.send(as('stale', ready.deprovision(query('unknown'))))).status).toBe(202);
  });

  it('[82] may name the plan that a failed update was to bring', async () => {
    const ready = await readyInstance(broker, 'slow');
    await broker.send(ready.update({ plan_id: 'quick', parameters: { fail: 'broken-update' } }));
    await untilOver(broker, ready.poll());
    expect((await broker.send(ready.deprovision(query('quick')))).status).toBe(202);
  });

  it('[83] is 202 with an operation, the same when it is sent again, and 410 when all is gone', async () => {
    const ready = await readyInstance(broker, 'slow', { removeMilliseconds: 1500 });
    const first = operationOf(await broker.send(ready.deprovision()));
    const again = await broker.send(ready.deprovision());
    expect([again.status, operationOf(again)]).toEqual([202, first]);
    await untilOver(broker, ready.poll());
    expect(await broker.send(ready.deprovision())).toMatchObject(gone);
  });

  it('[83] is 200 {} when it is done within the request, and 410 for what never was', async () => {
    const ready = await readyInstance(broker, 'quick');
    const done = await broker.send(ready.deprovision(query('quick')));
    expect([done.status, done.json]).toEqual([200, {}]);
    expect(await broker.send(fakeRequests('quick').deprovision())).toMatchObject(gone);
  });

  it('[84] of a plan that takes longer is 422 for a platform that cannot poll, and changes nothing', async () => {
    const ready = await readyInstance(broker, 'slow');
    const ids = 'service_id=fake-service&plan_id=slow';
    await expectRefused(
      broker,
      asyncRequired,
      ready.deprovision(ids),
      ready.deprovision(`${ids}&accepts_incomplete=false`),
    );
  });

  it('[84] during an update cancels it, or is 422 where the options say so', async () => {
    const ready = await readyInstance(broker, 'slow');
    const name = await externalNameOf(broker, ready);
    const login = usernameOf(await bound(broker, ready, freshId()));
    const update = operationOf(await lastingUpdate(broker, ready));
    await expectRefused(broker, concurrencyError, as('patient', ready.deprovision()));
    await removed(ready);
    expect((await broker.send(ready.poll(`?operation=${update}`))).json.state).toBe('failed');
    expect(broker.fake.logins.has(login)).toBe(false);
    expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
  });

  it('[85] during the provision stops it and leaves nothing, then or later', async () => {
    const making = await lastingProvision(broker);
    const name = await externalNameOf(broker, making);
    await expect.poll(() => broker.fake.instances.has(`${name}-server`)).toBe(true);
    const waiting = freshId();
    await broker.send(making.bind(waiting));
    await removed(making);
    expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
    expect(broker.fake.effectsOf(name)).toEqual(['provision', 'remove']);
    expect((await broker.send(making.fetchBinding(waiting))).status).toBe(404);
    // The provision had 600 s to go; what ran of it must not come back.
    await broker.send(making.provision());
    await untilOver(broker, making.poll());
    expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
  });

  it('[85] at any moment of a provision leaves nothing', async () => {
    const attempts = Array.from({ length: 12 }, async (_, index) => {
      const requests = fakeRequests('slow');
      await broker.send(requests.provision({ parameters: { milliseconds: index * 2 } }));
      const name = await externalNameOf(broker, requests);
      await new Promise((resolve) => setTimeout(resolve, index * 4));
      await removed(requests);
      return `${name}-server`;
    });
    for (const name of await Promise.all(attempts)) expect(broker.fake.instances.has(name)).toBe(false);
  });

  it('[86] removes the instance, the logins of its bindings and what was delivered to apps', async () => {
    const context = { platform: 'kubernetes', namespace: 'team-a' };
    const ready = await readyInstance(broker, 'slow', {}, { context });
    const name = await externalNameOf(broker, ready);
    const login = usernameOf(await bound(broker, ready, freshId()));
    expect(delivered(broker, login)).toEqual(['team-a/ConfigMap', 'team-a/Secret']);
    await removed(ready);
    expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
    expect(broker.fake.logins.has(login)).toBe(false);
    expect(delivered(broker, login)).toEqual([]);
  });

  it('[87] unbinds what is left before it removes anything', async () => {
    const ready = await readyInstance(broker, 'slow');
    const name = await externalNameOf(broker, ready);
    const ids = [freshId(), freshId()];
    const logins: string[] = [];
    for (const id of ids) logins.push(usernameOf(await bound(broker, ready, id)));
    await removed(ready);
    const order = broker.fake.effects
      .filter((each) => each.name === `${name}-server` || logins.includes(each.name))
      .map(({ effect }) => effect);
    expect(order).toEqual(['provision', 'login', 'login', 'revoke', 'revoke', 'remove']);
    for (const id of ids) expect((await broker.send(ready.unbind(id))).status).toBe(410);
  });

  it('[87] is 422 as long as there are bindings, where the options say so', async () => {
    const ready = await readyInstance(broker, 'slow');
    const id = freshId();
    await bound(broker, ready, id);
    const sent = as('careful', ready.deprovision());
    await expectRefused(broker, { status: 422, json: { error: 'BindingsExist' } }, sent);
    await broker.send(ready.unbind(id));
    await untilOver(broker, ready.pollBinding(id));
    expect((await broker.send(sent)).status).toBe(202);
  });

  it('[88] works after a provision that failed, and after an update that failed', async () => {
    const failed = fakeRequests('slow');
    await broker.send(failed.provision({ parameters: { fail: 'provision' } }));
    await untilOver(broker, failed.poll());
    const broken = await readyInstance(broker, 'slow');
    await broker.send(broken.update({ parameters: { fail: 'broken-update' } }));
    await untilOver(broker, broken.poll());
    for (const requests of [failed, broken]) {
      const name = await externalNameOf(broker, requests);
      await removed(requests);
      expect(broker.fake.instances.has(`${name}-server`)).toBe(false);
      expect(await broker.send(requests.deprovision())).toMatchObject(gone);
    }
  });

  it('[89] that failed says so and whether the instance can be used, and can be tried again', async () => {
    const ready = await readyInstance(broker, 'slow', { fail: 'deprovision' });
    const first = operationOf(await broker.send(ready.deprovision()));
    const { json } = await untilOver(broker, ready.poll());
    expect(json).toMatchObject({ state: 'failed', instance_usable: false });
    expect((await broker.send(ready.fetch())).status).toBe(200);
    const fake = broker.fake.instances.get(`${await externalNameOf(broker, ready)}-server`);
    if (fake !== undefined) fake.inputs = { ...fake.inputs, fail: '' };
    const second = operationOf(await broker.send(ready.deprovision()));
    expect(second).not.toBe(first);
    expect((await untilOver(broker, ready.poll())).json.state).toBe('succeeded');
  });

  it('[89] that failed within the request says it in its error', async () => {
    const ready = await readyInstance(broker, 'quick', { fail: 'deprovision' });
    const answer = await broker.send(ready.deprovision('service_id=fake-service&plan_id=quick'));
    expect(answer).toMatchObject({ status: 500, json: { error: 'ResourceFailed', instance_usable: false } });
    expect(answer.json).not.toHaveProperty('update_repeatable');
  });

  it('[89] that takes longer than its request may wait tells that the instance cannot be used, and can be tried again', async () => {
    const impatient = await startOsbBroker({ settings: { syncWaitMs: 1000, quickWaitMs: 20 } });
    try {
      const ready = await readyInstance(impatient, 'quick', { removeMilliseconds: 600_000 });
      const late = await impatient.send(ready.deprovision('service_id=fake-service&plan_id=quick'));
      expect(late).toMatchObject({
        status: 503,
        json: { error: 'SynchronousTimeout', instance_usable: false },
      });
      const polled = await impatient.send(ready.poll());
      expect(polled.json).toMatchObject({ state: 'failed', instance_usable: false });
      for (const { json } of [late, polled]) expect(json).not.toHaveProperty('update_repeatable');
      impatient.fake.behave(await externalNameOf(impatient, ready), { removeMilliseconds: 0 });
      await impatient.send(ready.deprovision());
      expect((await untilOver(impatient, ready.poll())).json.state).toBe('succeeded');
      expect(impatient.fake.instances.size).toBe(0);
    } finally {
      await impatient.close();
    }
  });
});
