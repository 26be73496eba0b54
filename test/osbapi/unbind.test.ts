import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
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
  operationOf,
  readyInstance,
  untilBinding,
  untilClaimed,
  usernameOf,
  waitingBinding,
} from './binding-steps.ts';

let broker: OsbBroker;
let quick: FakeRequests;
let slow: FakeRequests;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [
      ...testCredentials(),
      credentialOf('literal', { options: { unbindUnknown: 'ids-first' } }),
      credentialOf('lenient', { options: { deleteWithOtherPlan: 'ignore' } }),
    ],
  });
  [quick, slow] = [await readyInstance(broker), await readyInstance(broker, 'slow')];
});
afterAll(() => broker?.close());

const inNamespace: JsonObject = { context: { platform: 'kubernetes', namespace: 'team-a' } };
const gone = { status: 410, json: { error: 'Gone' } };

describe('the query of an unbind', () => {
  it('[115] names the service and plan, or it is 400 and the binding stays', async () => {
    const id = freshId();
    const first = await bound(broker, quick, id);
    const wrong = [
      'service_id=fake-service',
      'plan_id=quick',
      'service_id=&plan_id=quick',
      'service_id=unknown&plan_id=quick',
      'service_id=fake-service&plan_id=slow',
    ];
    const requests = wrong.map((query) => quick.unbind(id, `accepts_incomplete=true&${query}`));
    await expectRefused(broker, { status: 400, json: { error: 'BadRequest' } }, ...requests);
    expect(broker.fake.logins.has(usernameOf(first))).toBe(true);
    const stale = 'service_id=fake-service&plan_id=slow';
    expect((await broker.send(as('lenient', quick.unbind(id, stale)))).status).toBe(200);
  });

  it('[115] may be incomplete for a binding that never was: 410, or by option 400', async () => {
    const id = freshId();
    const [bare, whole] = [quick.unbind(id, ''), quick.unbind(id)];
    await expectRefused(broker, gone, bare, whole, fakeRequests('quick').unbind(id));
    await expectRefused(broker, { status: 400 }, as('literal', bare));
    await expectRefused(broker, gone, as('literal', whole));
  });
});

describe('the answer to an unbind', () => {
  it('[115] is 200 with an empty object when the plan unbinds quickly, and 410 once more', async () => {
    for (const query of ['', '&accepts_incomplete=true']) {
      const id = freshId();
      await bound(broker, quick, id);
      const unbind = quick.unbind(id, `service_id=fake-service&plan_id=quick${query}`);
      expect(await broker.send(unbind)).toMatchObject({ status: 200, text: '{}' });
      expect(await broker.send(unbind)).toMatchObject(gone);
    }
  });

  it('[115] is 202 with the operation otherwise, and the same one as long as it runs', async () => {
    const lazy = await readyInstance(broker, 'slow', { bindMilliseconds: 300 });
    const id = freshId();
    await bound(broker, lazy, id);
    const accepted = await broker.send(lazy.unbind(id));
    expect(accepted).toMatchObject({ status: 202, json: { operation: expect.any(String) as string } });
    expect(Object.keys(accepted.json)).toEqual(['operation']);
    expect(await broker.send(lazy.unbind(id))).toMatchObject({ status: 202, json: accepted.json });
    expect((await untilOver(broker, lazy.pollBinding(id))).json.state).toBe('succeeded');
    expect(await broker.send(lazy.unbind(id))).toMatchObject(gone);
  });

  it('[116] is 422 AsyncRequired when the platform cannot poll and the plan does not unbind quickly', async () => {
    const id = freshId();
    await bound(broker, slow, id);
    const ids = 'service_id=fake-service&plan_id=slow';
    await expectRefused(
      broker,
      asyncRequired,
      slow.unbind(id, ids),
      slow.unbind(id, `${ids}&accepts_incomplete=false`),
    );
  });

  it('[116] is 422 ConcurrencyError while the instance goes, which takes its bindings with it', async () => {
    const going = await readyInstance(broker, 'slow', { bindMilliseconds: 400 });
    const id = freshId();
    await bound(broker, going, id);
    await broker.send(going.deprovision());
    expect(await broker.send(going.unbind(id))).toMatchObject(concurrencyError);
    await untilOver(broker, going.poll());
    expect(await broker.send(going.unbind(id))).toMatchObject(gone);
  });
});

describe('an unbind during the bind', () => {
  it('[117] stops a bind that waits for its instance: nothing is made, and the bind has failed', async () => {
    const id = freshId();
    const { requests, accepted } = await waitingBinding(broker, id, inNamespace);
    const deletion = await broker.send(requests.unbind(id));
    expect(deletion.status).toBe(202);
    const stateOf = async (operation: string) =>
      (await broker.send(requests.pollBinding(id, `?operation=${operation}`))).json.state;
    expect(await stateOf(operationOf(accepted))).toBe('failed');
    expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('succeeded');
    expect([await stateOf(operationOf(accepted)), await stateOf(operationOf(deletion))]).toEqual([
      'failed',
      'succeeded',
    ]);
    expect(await broker.send(requests.unbind(id))).toMatchObject(gone);
    expect(await loginsOf(requests)).toEqual([]);
  });

  it('[117] takes back what a bind that was at work had made meanwhile', async () => {
    const lazy = await readyInstance(broker, 'slow', { bindMilliseconds: 250 });
    const id = freshId();
    const accepted = await broker.send(lazy.bind(id, inNamespace));
    const name = await externalNameOf(lazy, id);
    await untilClaimed(broker, operationOf(accepted));
    await broker.send(lazy.unbind(id));
    expect((await untilOver(broker, lazy.pollBinding(id))).json.state).toBe('succeeded');
    expect(broker.fake.effectsOf(name)).toEqual(['login', 'revoke']);
    expect(delivered(broker, name)).toEqual([]);
    expect(await loginsOf(lazy)).toEqual([]);
  });

  it('[117] leaves a bind that is polled failed also when the unbind is synchronous', async () => {
    const lazy = await readyInstance(broker, 'bind-quick', { bindMilliseconds: 100 });
    const id = freshId();
    const bind = broker.send(lazy.bind(id));
    await untilBinding(broker, lazy, id);
    const deletion = broker.send(lazy.unbind(id, 'service_id=fake-service&plan_id=bind-quick'));
    const [bindAnswer, deletionAnswer] = await Promise.all([bind, deletion]);
    expect(bindAnswer.status).toBe(202);
    expect(deletionAnswer.status).toBe(200);
    const overtaken = lazy.pollBinding(id, `?operation=${operationOf(bindAnswer)}`);
    expect((await broker.send(overtaken)).json.state).toBe('failed');
    expect(await loginsOf(lazy)).toEqual([]);
  });
});

describe('an unbind', () => {
  it('[118] ends the login and removes what was delivered; other bindings go on working', async () => {
    const requests = await readyInstance(broker, 'quick', {}, inNamespace);
    const [mine, other] = [freshId(), freshId()];
    const names = [usernameOf(await bound(broker, requests, mine)), ''];
    const kept = await bound(broker, requests, other);
    names[1] = usernameOf(kept);
    const both = ['team-a/ConfigMap', 'team-a/Secret'];
    expect(names.map((name) => delivered(broker, name))).toEqual([both, both]);

    expect((await broker.send(requests.unbind(mine))).status).toBe(200);
    expect(names.map((name) => broker.fake.logins.has(name))).toEqual([false, true]);
    expect(names.map((name) => delivered(broker, name))).toEqual([[], both]);
    expect(await broker.send(requests.fetchBinding(other))).toMatchObject({ status: 200, json: kept.json });
  });

  it('[118] that cannot end the login fails, says so, and may be tried again', async () => {
    const failing = await readyInstance(broker, 'slow', { fail: 'unbind' });
    const id = freshId();
    const name = usernameOf(await bound(broker, failing, id));
    await broker.send(failing.unbind(id));
    expect((await untilOver(broker, failing.pollBinding(id))).json).toMatchObject({ state: 'failed' });
    expect(broker.fake.logins.has(name)).toBe(true);
    await broker.send(failing.update({ parameters: {} }));
    await untilOver(broker, failing.poll());
    await broker.send(failing.unbind(id));
    expect((await untilOver(broker, failing.pollBinding(id))).json).toMatchObject({ state: 'succeeded' });
    expect(broker.fake.logins.has(name)).toBe(false);
  });

  it('[115] names the plan that the instance has, or the one that the binding was made under', async () => {
    const moved = await readyInstance(broker, 'slow');
    const [first, second] = [freshId(), freshId()];
    await bound(broker, moved, first);
    await bound(broker, moved, second);
    await broker.send(moved.update({ plan_id: 'quick' }));
    await untilOver(broker, moved.poll());
    // Later updates leave no plan but the instance's own to be named for the instance.
    await broker.send(moved.update({ parameters: { note: 'later' } }));
    await untilOver(broker, moved.poll());
    const naming = (plan: string) => `accepts_incomplete=true&service_id=fake-service&plan_id=${plan}`;
    expect((await broker.send(moved.unbind(first, naming('rotating')))).status).toBe(400);
    expect((await broker.send(moved.unbind(first, naming('slow')))).status).toBe(200);
    expect((await broker.send(moved.unbind(second, naming('quick')))).status).toBe(200);
  });

  it('[119] may be sent again and again until it is 410', async () => {
    const lazy = await readyInstance(broker, 'slow', { bindMilliseconds: 100 });
    const id = freshId();
    await bound(broker, lazy, id);
    const operations = new Set<unknown>();
    let answer = await broker.send(lazy.unbind(id));
    while (answer.status === 202 && operations.size < 2) {
      operations.add(operationOf(answer));
      answer = await broker.send(lazy.unbind(id));
    }
    expect(operations.size).toBe(1);
    expect(answer).toMatchObject(gone);
    expect(await broker.send(lazy.unbind(id))).toMatchObject(gone);
  });
});

async function loginsOf({ id }: FakeRequests): Promise<string[]> {
  const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
  return [...broker.fake.logins.values()]
    .map((login) => login.instance)
    .filter((name) => name === instance?.externalName);
}

async function externalNameOf({ id }: FakeRequests, bindingId: string): Promise<string> {
  const binding = await broker.store.findBinding({ platform: 'kubernetes', instanceId: id, bindingId });
  if (binding === undefined) throw new Error(`no binding ${bindingId}`);
  return binding.externalName;
}
