import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLost } from '../../src/store/types.ts';
import {
  boundBinding,
  deleteBinding,
  deleteInstance,
  newId,
  operationOf,
  pollBinding,
  putBinding,
  putInstance,
  readyInstance,
} from './requests.ts';
import { otherCredential, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
let instance: string;
/** An instance whose plan binds asynchronously only. */
let slowInstance: string;
beforeAll(async () => {
  broker = await startTestBroker({ settings: { syncWaitMs: 400 } });
  instance = await readyInstance(broker);
  slowInstance = await readyInstance(broker, { plan_id: 'slow' });
});
afterAll(() => broker.close());
beforeEach(() => broker.worker.putOffAll());

const get = (instanceId: string, id: string) => ({
  path: `/v2/service_instances/${instanceId}/service_bindings/${id}`,
});
const slow = { plan_id: 'slow' };
const slowQuery = '?accepts_incomplete=true&service_id=service-pg&plan_id=slow';
const key = (instanceId: string, bindingId: string) => ({ platform: 'kubernetes', instanceId, bindingId });

describe('bind', () => {
  it('answers 201 with credentials of its own when the plan is quick, with and without accepts_incomplete', async () => {
    const passwords = new Set<unknown>();
    for (const query of ['?accepts_incomplete=true', '']) {
      const [answer] = await Promise.all([
        broker.send(putBinding(instance, newId(), {}, query)),
        broker.worker.finishNext(),
      ]);
      expect(answer.status).toBe(201);
      expect(answer.json).toEqual({
        credentials: { username: expect.stringMatching(/^b-[a-z2-7]{20}$/), password: expect.any(String) },
      });
      passwords.add((answer.json.credentials as { password: string }).password);
    }
    expect(passwords.size).toBe(2);
  });

  it('answers 202 without credentials when it takes longer, and gives them on fetch and repeat', async () => {
    const id = newId();
    const accepted = await broker.send(putBinding(instance, id));
    expect(accepted.status).toBe(202);
    expect(Object.keys(accepted.json)).toEqual(['operation']);
    expect((await broker.send(get(instance, id))).status).toBe(404);
    expect((await broker.send(pollBinding(instance, id))).json.state).toBe('in progress');
    expect((await broker.send(putBinding(instance, id))).json).toEqual(accepted.json);

    await broker.worker.finish(operationOf(accepted));
    expect((await broker.send(pollBinding(instance, id))).json.state).toBe('succeeded');
    const fetched = await broker.send(get(instance, id));
    const repeated = await broker.send(putBinding(instance, id, {}, ''));
    expect([fetched.status, repeated.status]).toEqual([200, 200]);
    expect(fetched.json.credentials).toMatchObject({ password: expect.any(String) });
    expect(repeated.json).toEqual({ credentials: fetched.json.credentials });
  });

  it('delivers to the namespace of its context, else of the instance, else nowhere', async () => {
    const bare = await readyInstance(broker, { context: {} });
    const [own, inherited, none] = [newId(), newId(), newId()];
    await broker.send(putBinding(instance, own, { context: { namespace: 'shop' } }));
    await broker.send(putBinding(instance, inherited));
    await broker.send(putBinding(bare, none));
    const find = async (instanceId: string, id: string) =>
      (await broker.store.findBinding(key(instanceId, id)))?.delivery;
    expect(await find(instance, own)).toEqual({ cluster: 'default', namespace: 'shop' });
    expect(await find(instance, inherited)).toEqual({ cluster: 'default', namespace: 'team-a' });
    expect(await find(bare, none)).toBeUndefined();
  });

  it.each([
    ['parameters', { parameters: { role: 'owner' } }, 409],
    ['app', { app_guid: 'app-2' }, 409],
    ['app in bind_resource', { bind_resource: { app_guid: 'app-2' } }, 409],
    ['namespace', { context: { namespace: 'shop' } }, 409],
    ['plan', { plan_id: 'slow' }, 400],
  ])(
    'refuses a repeat with another %s, running or done, and changes nothing',
    async (_name, values, status) => {
      const id = newId();
      const first = await broker.send(putBinding(instance, id));
      const before = await broker.rows();
      expect((await broker.send(putBinding(instance, id, values))).status).toBe(status);
      expect(await broker.rows()).toBe(before);
      await broker.worker.finish(operationOf(first));
      expect((await broker.send(putBinding(instance, id, values))).status).toBe(status);
    },
  );

  it('takes the same app in either spot, and empty ones as none', async () => {
    const id = newId();
    const first = await broker.send(putBinding(instance, id, { app_guid: 'app-1', bind_resource: null }));
    const again = await broker.send(
      putBinding(instance, id, { app_guid: '', bind_resource: { app_guid: 'app-1' } }),
    );
    expect(again.json).toEqual(first.json);
  });

  it('refuses a binding id that another instance uses with 409', async () => {
    const other = await readyInstance(broker);
    const id = await boundBinding(broker, instance);
    const before = await broker.rows();
    const answer = await broker.send(putBinding(other, id));
    expect(answer).toMatchObject({ status: 409, json: { error: 'Conflict' } });
    expect(answer.text).not.toContain('password');
    expect(await broker.rows()).toBe(before);
  });

  it('answers a repeat after a failure with 409 and what to do', async () => {
    const id = newId();
    const first = operationOf(await broker.send(putBinding(instance, id)));
    await broker.worker.finish(first, { code: 'CredentialsRejected', sentence: 'No more roles.' });
    expect((await broker.send(pollBinding(instance, id))).json).toEqual({
      state: 'failed',
      description: 'No more roles.',
    });
    expect((await broker.send(get(instance, id))).status).toBe(404);
    expect((await broker.send(putBinding(instance, id))).json.description).toMatch(
      /Delete it and create it anew/,
    );
  });

  it('refuses an async-only plan without accepts_incomplete, and a plan that is not bindable', async () => {
    const unbindable = await readyInstance(broker, { plan_id: 'unbindable' });
    const before = await broker.rows();
    expect(await broker.send(putBinding(slowInstance, newId(), slow, ''))).toMatchObject({
      status: 422,
      json: { error: 'AsyncRequired' },
    });
    expect(await broker.send(putBinding(unbindable, newId(), { plan_id: 'unbindable' }))).toMatchObject({
      status: 400,
      json: { description: 'This plan is not bindable.' },
    });
    expect(await broker.rows()).toBe(before);
  });

  it('is accepted during the provision of its instance when the platform can poll, else refused', async () => {
    const id = newId('instance');
    await broker.send(putInstance(id));
    const before = await broker.rows();
    expect(await broker.send(putBinding(id, newId(), {}, ''))).toMatchObject({
      status: 422,
      json: { error: 'ConcurrencyError' },
    });
    expect(await broker.rows()).toBe(before);
    const began = performance.now();
    expect((await broker.send(putBinding(id, newId()))).status).toBe(202);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('is refused on an instance that failed, is being deleted, could not be deleted, or does not exist', async () => {
    const failure = { code: 'ResourceFailed', sentence: 'It broke.' } as const;
    const failed = newId('instance');
    await broker.worker.finish(operationOf(await broker.send(putInstance(failed))), failure);
    expect(await broker.send(putBinding(failed, newId()))).toMatchObject({
      status: 422,
      json: { error: 'InstanceNotUsable' },
    });

    const going = await readyInstance(broker);
    const binding = await boundBinding(broker, going);
    const deletion = operationOf(await broker.send(deleteInstance(going)));
    for (const id of [newId(), binding]) {
      expect(await broker.send(putBinding(going, id))).toMatchObject({
        status: 422,
        json: { error: 'ConcurrencyError' },
      });
    }
    expect((await broker.send(deleteBinding(going, binding))).status).toBe(422);
    await broker.worker.finish(deletion, failure);
    expect(await broker.send(putBinding(going, newId()))).toMatchObject({
      status: 422,
      json: { error: 'InstanceNotUsable' },
    });

    expect((await broker.send(putBinding(newId(), newId()))).status).toBe(404);
    expect((await broker.send(putBinding(newId(), newId(), { plan_id: 'gone' }))).status).toBe(400);
  });

  it('answers a synchronous failure with the error of the operation', async () => {
    const [answer] = await Promise.all([
      broker.send(putBinding(instance, newId(), {}, '')),
      broker.worker.finishNext({
        code: 'NamespaceMissing',
        sentence: 'The namespace team-a does not exist.',
      }),
    ]);
    expect(answer).toMatchObject({
      status: 400,
      json: { error: 'NamespaceMissing', description: 'The namespace team-a does not exist.' },
    });
  });

  it('is cancelled when a synchronous request times out, and can be deleted then', async () => {
    const id = newId();
    const answer = await broker.send(putBinding(instance, id, {}, ''));
    expect(answer).toMatchObject({ status: 503, json: { error: 'SynchronousTimeout' } });
    expect((await broker.send(pollBinding(instance, id))).json.state).toBe('failed');
    expect((await broker.store.findBinding(key(instance, id)))?.state).toBe('bind failed');
    expect((await broker.send(deleteBinding(instance, id))).status).toBe(202);
  });
});

describe('unbind', () => {
  it('answers 200 when it is quick, 410 afterwards; last_operation still knows it', async () => {
    const id = await boundBinding(broker, instance);
    const [answer] = await Promise.all([
      broker.send(deleteBinding(instance, id, '?service_id=service-pg&plan_id=usual')),
      broker.worker.finishNext(),
    ]);
    expect(answer).toMatchObject({ status: 200, text: '{}' });
    expect(await broker.send(deleteBinding(instance, id))).toMatchObject({
      status: 410,
      json: { error: 'Gone' },
    });
    expect((await broker.send(get(instance, id))).status).toBe(404);
    expect((await broker.send(pollBinding(instance, id))).json.state).toBe('succeeded');
  });

  it('answers 202 and the same operation while it runs; the binding is then neither readable nor repeatable', async () => {
    const id = await boundBinding(broker, slowInstance, slow);
    const first = await broker.send(deleteBinding(slowInstance, id, slowQuery));
    expect(first.status).toBe(202);
    expect((await broker.send(deleteBinding(slowInstance, id, slowQuery))).json).toEqual(first.json);
    expect((await broker.send(get(slowInstance, id))).status).toBe(404);
    expect(await broker.send(putBinding(slowInstance, id, slow))).toMatchObject({
      status: 422,
      json: { error: 'ConcurrencyError' },
    });
  });

  it('cancels a bind that runs', async () => {
    const id = newId();
    const bind = operationOf(await broker.send(putBinding(slowInstance, id, slow)));
    const claim = await broker.worker.claim(bind);
    const unbind = operationOf(await broker.send(deleteBinding(slowInstance, id, slowQuery)));
    await expect(broker.worker.end(claim)).rejects.toThrow(LeaseLost);
    expect((await broker.send(pollBinding(slowInstance, id, `?operation=${bind}`))).json.state).toBe(
      'failed',
    );
    expect((await broker.send(pollBinding(slowInstance, id, `?operation=${unbind}`))).json.state).toBe(
      'in progress',
    );
    await broker.worker.finish(unbind);
    expect((await broker.send(deleteBinding(slowInstance, id, slowQuery))).status).toBe(410);
  });

  it('can be tried again after a failure, while the credentials stay readable', async () => {
    const id = await boundBinding(broker, slowInstance, slow);
    const first = operationOf(await broker.send(deleteBinding(slowInstance, id, slowQuery)));
    await broker.worker.finish(first, { code: 'ServerUnreachable', sentence: 'The server is away.' });
    expect((await broker.send(get(slowInstance, id))).status).toBe(200);
    expect((await broker.send(putBinding(slowInstance, id, slow))).status).toBe(409);
    const second = operationOf(await broker.send(deleteBinding(slowInstance, id, slowQuery)));
    expect(second).not.toBe(first);
  });

  it('checks in the order 422 AsyncRequired, 410, 400 missing ids', async () => {
    const id = await boundBinding(broker, slowInstance, slow);
    const before = await broker.rows();
    expect((await broker.send(deleteBinding(slowInstance, newId(), '?service_id=service-pg'))).status).toBe(
      422,
    );
    expect((await broker.send(deleteBinding(slowInstance, newId(), '?accepts_incomplete=true'))).status).toBe(
      410,
    );
    expect(
      (await broker.send(deleteBinding(slowInstance, id, '?accepts_incomplete=true'))).json.description,
    ).toMatch(/service_id and plan_id missing/);
    expect((await broker.send(deleteBinding(slowInstance, id))).status).toBe(400);
    expect(await broker.rows()).toBe(before);
  });
});

describe('a binding', () => {
  it('is reached only through its own instance and platform', async () => {
    const id = await boundBinding(broker, instance);
    const before = await broker.rows();
    expect((await broker.send(get(slowInstance, id))).status).toBe(404);
    expect((await broker.send(pollBinding(slowInstance, id))).status).toBe(404);
    expect((await broker.send(deleteBinding(slowInstance, id, slowQuery))).status).toBe(410);
    const headers = { authorization: otherCredential };
    expect((await broker.send({ ...get(instance, id), headers })).status).toBe(404);
    expect((await broker.send({ ...pollBinding(instance, id), headers })).status).toBe(404);
    expect((await broker.send({ ...deleteBinding(instance, id), headers })).status).toBe(410);
    expect(await broker.rows()).toBe(before);
  });

  it('gives the same credentials each time, and its parameters', async () => {
    const id = await boundBinding(broker, instance, { parameters: { role: 'reader' } });
    const first = await broker.send(get(instance, id));
    expect(first.json.parameters).toEqual({ role: 'reader' });
    expect((await broker.send(get(instance, id))).json).toEqual(first.json);
  });

  it('has a password that no column of the database shows', async () => {
    const id = await boundBinding(broker, instance);
    const { credentials } = (await broker.send(get(instance, id))).json as {
      credentials: { password: string };
    };
    const rows = await broker.query(
      'select b::text as text from service_bindings b union all select o::text from operations o',
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(credentials.password);
  });
});
