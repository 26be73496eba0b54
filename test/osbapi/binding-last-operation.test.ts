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
  bound,
  credentialOf,
  operationOf,
  passwordOf,
  readyInstance,
  waitingBinding,
} from './binding-steps.ts';

let broker: OsbBroker;
let slow: FakeRequests;
beforeAll(async () => {
  broker = await startOsbBroker({
    credentials: [...testCredentials(), credentialOf('gone', { options: { pollAfterDeletion: 'gone' } })],
  });
  slow = await readyInstance(broker, 'slow');
});
afterAll(() => broker?.close());

const poll = (requests: FakeRequests, bindingId: string, operation?: string) =>
  broker.send(requests.pollBinding(bindingId, operation === undefined ? '' : `?operation=${operation}`));

describe('last_operation of a binding', () => {
  it('[109] says in progress, succeeded or failed', async () => {
    const waiting = freshId();
    const { requests, accepted } = await waitingBinding(broker, waiting);
    expect(await poll(requests, waiting)).toMatchObject({ status: 200, json: { state: 'in progress' } });
    expect(await poll(requests, waiting, operationOf(accepted))).toMatchObject({
      json: { state: 'in progress' },
    });

    const done = freshId();
    await bound(broker, slow, done);
    expect(await poll(slow, done)).toMatchObject({ status: 200, json: { state: 'succeeded' } });

    const failing = await readyInstance(broker, 'slow', { fail: 'bind' });
    await broker.send(failing.bind(done.concat('-failing')));
    await untilOver(broker, failing.pollBinding(done.concat('-failing')));
    expect(await poll(failing, done.concat('-failing'))).toMatchObject({
      status: 200,
      json: { state: 'failed' },
    });
  });

  it('[109] is 404 for a binding that never was, and 400 only for what cannot be read', async () => {
    expect((await poll(slow, freshId())).status).toBe(404);
    expect((await poll(fakeRequests('slow'), freshId())).status).toBe(404);
    const id = freshId();
    await bound(broker, slow, id);
    expect((await broker.send(as('gone', { path: `${slow.binding('%ff')}/last_operation` }))).status).toBe(
      400,
    );
    const hints = [
      '?operation=unknown',
      '?operation=',
      '?operation=a&operation=b',
      `?operation=${'x'.repeat(5000)}`,
      '?service_id=unknown&plan_id=unknown',
      '?service_id=&plan_id=',
      '?any=thing',
    ];
    for (const query of hints) {
      const answer = await broker.send(slow.pollBinding(id, query));
      expect(answer, query).toMatchObject({ status: 200, json: { state: 'succeeded' } });
    }
  });

  it('[109] takes the token of another binding for a hint, and never answers for that one', async () => {
    const [mine, other] = [freshId(), freshId()];
    await bound(broker, slow, mine);
    const { accepted } = await waitingBinding(broker, other);
    expect((await poll(slow, mine, operationOf(accepted))).json.state).toBe('succeeded');
  });

  it('[109] of a binding that was deleted is 200 succeeded for a day, then 410; by option 410 at once', async () => {
    const id = freshId();
    await bound(broker, slow, id);
    const unbind = operationOf(await broker.send(slow.unbind(id)));
    expect((await untilOver(broker, slow.pollBinding(id))).status).toBe(200);
    for (const token of [undefined, unbind]) {
      expect(await poll(slow, id, token)).toMatchObject({ status: 200, json: { state: 'succeeded' } });
    }
    expect(await broker.send(as('gone', slow.pollBinding(id)))).toMatchObject({
      status: 410,
      json: { error: 'Gone' },
    });
    await broker.query(
      `update operations set finished_at = now() - interval '25 hours' where uid = '${unbind}'`,
    );
    expect((await poll(slow, id)).status).toBe(410);
  });

  it('[109] of a bind that a deletion overtook is failed, never 410', async () => {
    const id = freshId();
    const { requests, accepted } = await waitingBinding(broker, id);
    await broker.send(requests.unbind(id));
    expect((await untilOver(broker, requests.pollBinding(id))).json.state).toBe('succeeded');
    const overtaken = requests.pollBinding(id, `?operation=${operationOf(accepted)}`);
    for (const sent of [overtaken, as('gone', overtaken)]) {
      expect(await broker.send(sent)).toMatchObject({ status: 200, json: { state: 'failed' } });
    }
  });

  it('[109] says that a binding is gone which went with its instance, and of its bind that it succeeded', async () => {
    const requests = await readyInstance(broker, 'slow');
    const id = freshId();
    const bind = operationOf(await broker.send(requests.bind(id)));
    await untilOver(broker, requests.pollBinding(id));
    await broker.send(requests.deprovision());
    await untilOver(broker, requests.poll());
    expect((await broker.send(requests.pollBinding(id))).json).toEqual({
      state: 'succeeded',
      description: 'The service binding is gone.',
    });
    const named = await broker.send(requests.pollBinding(id, `?operation=${bind}`));
    expect(named.json).toMatchObject({ state: 'succeeded', description: 'The service binding is ready.' });
  });

  it('[110] tells in words how it stands or why it failed, and no secret', async () => {
    const waiting = freshId();
    const { requests } = await waitingBinding(broker, waiting);
    const waits = expect.stringMatching(/\w+ \w+/) as string;
    expect((await poll(requests, waiting)).json).toEqual({ state: 'in progress', description: waits });

    const failing = await readyInstance(broker, 'slow', { fail: 'bind' });
    await broker.send(failing.bind(waiting.concat('-failing')));
    const failed = await untilOver(broker, failing.pollBinding(waiting.concat('-failing')));
    expect(failed.json).toEqual({ state: 'failed', description: 'The fake was told to fail.' });

    const done = freshId();
    const binding = await bound(broker, slow, done);
    const { text } = await poll(slow, done);
    expect(text).not.toContain(passwordOf(binding));
  });

  it('[110] tells in seconds when to ask again, as long as there is something to wait for', async () => {
    const waiting = freshId();
    const { requests } = await waitingBinding(broker, waiting);
    expect((await poll(requests, waiting)).headers['retry-after']).toMatch(/^[1-9]\d*$/);
    const done = freshId();
    await bound(broker, slow, done);
    expect((await poll(slow, done)).headers).not.toHaveProperty('retry-after');
  });

  it('[110] goes on saying how it ended, as often as it is asked, by whichever process', async () => {
    const failing = await readyInstance(broker, 'slow', { fail: 'bind' });
    const [done, failed] = [freshId(), freshId()];
    await bound(broker, slow, done);
    await broker.send(failing.bind(failed));
    await untilOver(broker, failing.pollBinding(failed));
    const replica = await broker.another();
    for (const { send } of [broker, broker, replica]) {
      expect((await send(slow.pollBinding(done))).json.state).toBe('succeeded');
      expect((await send(failing.pollBinding(failed))).json.state).toBe('failed');
    }
  });
});
