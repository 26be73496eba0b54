import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
import { startTestBroker, type TestBroker } from './test-broker.ts';

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
    ['plan', { plan_id: 'slow' }, 409],
    ['plan that nobody knows', { plan_id: 'gone' }, 400],
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
    expect((await broker.send(putBinding(id, newId()))).status).toBe(202);
  });

  it('does not wait for an instance that is still being made, however quick binds are', async () => {
    const patient = await startTestBroker({ settings: { quickWaitMs: 20_000 } });
    try {
      const id = newId('instance');
      await patient.send(putInstance(id));
      const began = performance.now();
      expect((await patient.send(putBinding(id, newId()))).status).toBe(202);
      expect(performance.now() - began).toBeLessThan(10_000);
    } finally {
      await patient.close();
    }
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
    await broker.worker.finish(deletion, { ...failure, instanceUsable: false });
    expect(await broker.send(putBinding(going, newId()))).toMatchObject({
      status: 422,
      json: { error: 'InstanceNotUsable' },
    });

    expect((await broker.send(putBinding(newId(), newId()))).status).toBe(404);
    expect((await broker.send(putBinding(newId(), newId(), { plan_id: 'gone' }))).status).toBe(400);
  });

  it('refuses a namespace that does not exist while nothing exists yet, and asks nothing about a repeat', async () => {
    const asked: string[] = [];
    const careful = await startTestBroker({
      access: {
        namespaceExists: (cluster, namespace) => {
          asked.push(`${cluster}/${namespace}`);
          return Promise.resolve(namespace === 'team-here');
        },
      },
    });
    try {
      const own = await readyInstance(careful);
      const inNamespace = (namespace: string) => ({ context: { platform: 'kubernetes', namespace } });
      const before = await careful.rows();
      expect(await careful.send(putBinding(own, newId(), inNamespace('team-gone')))).toMatchObject({
        status: 400,
        json: {
          error: 'NamespaceNotFound',
          description: expect.stringMatching(/team-gone.*Create it first/),
        },
      });
      expect(await careful.send(putBinding(own, newId(), inNamespace('kube-system')))).toMatchObject({
        status: 400,
      });
      expect(await careful.rows()).toBe(before);

      const id = newId();
      const path = putBinding(own, id, inNamespace('team-here'));
      await Promise.all([careful.send(path), careful.worker.finishNext()]);
      expect((await careful.send(path)).status).toBe(200);
      expect(asked).toEqual(['default/team-gone', 'default/team-here']);
    } finally {
      await careful.close();
    }
  });

  it('answers a synchronous failure with the error of the operation, as 5xx so that the platform deletes the row', async () => {
    const [answer] = await Promise.all([
      broker.send(putBinding(instance, newId(), {}, '')),
      broker.worker.finishNext({
        code: 'NamespaceMissing',
        sentence: 'The namespace team-a does not exist.',
      }),
    ]);
    expect(answer).toMatchObject({
      status: 500,
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
