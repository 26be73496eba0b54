import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLost } from '../../src/store/types.ts';
import {
  deleteInstance,
  instanceBody,
  newId,
  operationOf,
  pollInstance,
  putInstance,
  readyInstance,
} from './requests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ settings: { syncWaitMs: 400 } });
});
afterAll(() => broker.close());
beforeEach(() => broker.worker.putOffAll());

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const get = (id: string) => ({ path: `/v2/service_instances/${id}` });

describe('catalog', () => {
  it('is the document of the catalog', async () => {
    const answer = await broker.send({ path: '/v2/catalog' });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ services: [{ id: 'service-pg' }] });
  });
});

describe('provision', () => {
  it('answers 202 with an operation, and 200 and the attributes once it succeeded', async () => {
    const id = newId();
    const accepted = await broker.send(putInstance(id));
    expect(accepted.status).toBe(202);
    expect(accepted.json).toEqual({ operation: expect.stringMatching(uuid) });
    expect((await broker.send(pollInstance(id))).json).toEqual({
      state: 'in progress',
      description: expect.any(String),
    });
    expect((await broker.send(get(id))).status).toBe(404);

    await broker.worker.finish(operationOf(accepted));
    expect((await broker.send(pollInstance(id))).json).toEqual({ state: 'succeeded', description: 'Done.' });
    expect(await broker.send(get(id))).toMatchObject({
      status: 200,
      json: {
        service_id: 'service-pg',
        plan_id: 'usual',
        parameters: { storage: '1Gi' },
        maintenance_info: { version: '1.4.0' },
      },
    });
  });

  it('keeps everything in one row under a safe name, and generated values sealed', async () => {
    const id = await readyInstance(broker);
    const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
    expect(instance).toMatchObject({
      cluster: 'default',
      contextNamespace: 'team-a',
      parameters: { storage: '1Gi' },
    });
    expect(instance?.externalName).toMatch(/^i-[a-z2-7]{20}$/);
    expect(instance?.generated.reveal()).toEqual({
      admin: { password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) },
    });
  });

  it('answers a repeat with the same operation while it runs, and with 200 afterwards', async () => {
    const id = newId();
    const first = await broker.send(putInstance(id));
    const again = await broker.send(
      putInstance(id, { context: { ...(instanceBody.context as object), instance_name: 'renamed' } }),
    );
    expect(again.status).toBe(202);
    expect(again.json).toEqual(first.json);
    await broker.worker.finish(operationOf(first));
    expect(await broker.send(putInstance(id))).toMatchObject({ status: 200, text: '{}' });
    expect(await broker.send(putInstance(id, {}, ''))).toMatchObject({ status: 200 });
  });

  it.each([
    ['plan', { plan_id: 'slow' }],
    ['organization', { organization_guid: 'other' }],
    ['space', { space_guid: 'other' }],
    ['parameters', { parameters: { storage: '2Gi' } }],
    ['parameters (none)', { parameters: {} }],
    ['namespace', { context: { namespace: 'team-b' } }],
  ])(
    'answers a repeat with another %s with 409, running or done, and changes nothing',
    async (_name, values) => {
      const id = newId();
      const first = await broker.send(putInstance(id));
      const before = await broker.rows();
      expect(await broker.send(putInstance(id, values))).toMatchObject({
        status: 409,
        json: { error: 'Conflict' },
      });
      expect(await broker.rows()).toBe(before);
      await broker.worker.finish(operationOf(first));
      expect((await broker.send(putInstance(id, values))).status).toBe(409);
    },
  );

  it('compares parameters by meaning: the order of keys does not count', async () => {
    const id = newId();
    await broker.send(putInstance(id, { parameters: { storage: '1Gi', replicas: 2 } }));
    expect((await broker.send(putInstance(id, { parameters: { replicas: 2, storage: '1Gi' } }))).status).toBe(
      202,
    );
  });

  it('answers a repeat after a failure with 409 and what to do, never with success', async () => {
    const id = newId();
    const first = await broker.send(putInstance(id));
    await broker.worker.finish(operationOf(first), {
      code: 'ResourceFailed',
      sentence: 'The image does not exist.',
    });
    expect((await broker.send(pollInstance(id))).json).toEqual({
      state: 'failed',
      description: 'The image does not exist.',
    });
    expect((await broker.send(get(id))).status).toBe(404);
    const again = await broker.send(putInstance(id));
    expect(again.status).toBe(409);
    expect(again.json.description).toMatch(/failed. Delete it and create it anew/);
  });

  it('refuses an async-only plan without accepts_incomplete before any row is written', async () => {
    const before = await broker.rows();
    for (const query of ['', '?accepts_incomplete=false', '?accepts_incomplete=']) {
      expect(await broker.send(putInstance(newId(), {}, query))).toMatchObject({
        status: 422,
        json: {
          error: 'AsyncRequired',
          description: 'This service plan requires client support for asynchronous service operations.',
        },
      });
    }
    expect(await broker.rows()).toBe(before);
  });

  it('refuses another maintenance version before anything else, ignores the rest of maintenance_info', async () => {
    const before = await broker.rows();
    expect(
      await broker.send(putInstance(newId(), { maintenance_info: { version: '9.9.9' } }, '')),
    ).toMatchObject({
      status: 422,
      json: { error: 'MaintenanceInfoConflict' },
    });
    expect(await broker.rows()).toBe(before);
    for (const maintenance_info of [{ version: '1.4.0', description: 'x' }, {}, null]) {
      expect((await broker.send(putInstance(newId(), { maintenance_info }))).status).toBe(202);
    }
  });

  it('tolerates what real platforms send: nulls, empty values, unknown fields, no context', async () => {
    const id = newId();
    const answer = await broker.send(
      putInstance(id, { parameters: null, context: null, maintenance_info: null, surprise: { a: [1] } }),
    );
    expect(answer.status).toBe(202);
    const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
    expect(instance).toMatchObject({ parameters: {}, context: {} });
    expect(instance?.contextNamespace).toBeUndefined();
  });

  it('makes the same id anew after its deprovision, under another name', async () => {
    const id = await readyInstance(broker);
    const key = { platform: 'kubernetes', instanceId: id };
    const first = await broker.store.findInstance(key);
    await broker.worker.finish(operationOf(await broker.send(deleteInstance(id))));
    expect((await broker.send(putInstance(id, { parameters: { storage: '9Gi' } }))).status).toBe(202);
    const second = await broker.store.findInstance(key);
    expect(second?.incarnation).toBe(2);
    expect(second?.externalName).not.toBe(first?.externalName);
  });
});

describe('a synchronous provision', () => {
  it('waits for the operation and answers 201, or 202 and 201 with accepts_incomplete', async () => {
    const [answer] = await Promise.all([
      broker.send(putInstance(newId(), { plan_id: 'quick' }, '')),
      broker.worker.finishNext(),
    ]);
    expect(answer).toMatchObject({ status: 201, text: '{}' });

    const [quick] = await Promise.all([
      broker.send(putInstance(newId(), { plan_id: 'quick' })),
      broker.worker.finishNext(),
    ]);
    expect(quick.status).toBe(201);
    expect((await broker.send(putInstance(newId(), { plan_id: 'quick' }))).status).toBe(202);
  });

  it('answers with the error of the operation when it fails, and 202 when the platform can poll', async () => {
    const ending = { code: 'ClusterUnreachable', sentence: 'The cluster is away.' } as const;
    const [answer] = await Promise.all([
      broker.send(putInstance(newId(), { plan_id: 'quick' }, '')),
      broker.worker.finishNext(ending),
    ]);
    expect(answer).toMatchObject({
      status: 503,
      json: { error: 'ClusterUnreachable', description: 'The cluster is away.' },
    });
    const [polled] = await Promise.all([
      broker.send(putInstance(newId(), { plan_id: 'quick' })),
      broker.worker.finishNext(ending),
    ]);
    expect(polled.status).toBe(202);
  });

  it('is cancelled with a 5xx when it takes too long; its worker can no longer write, and DELETE cleans up', async () => {
    const id = newId();
    const pending = broker.send(putInstance(id, { plan_id: 'quick' }, ''));
    const claim = await eventually(() => broker.store.operationQueue.claim('slow worker', 60));
    const answer = await pending;
    expect(answer).toMatchObject({ status: 503, json: { error: 'SynchronousTimeout' } });
    await expect(broker.worker.end(claim)).rejects.toThrow(LeaseLost);
    expect((await broker.send(pollInstance(id))).json.state).toBe('failed');
    expect(
      (await broker.send(deleteInstance(id, '?accepts_incomplete=true&service_id=service-pg&plan_id=quick')))
        .status,
    ).toBe(202);
  });

  it('is not cancelled by a repeat that only joined it', async () => {
    const id = newId();
    const first = await broker.send(putInstance(id, { plan_id: 'quick' }));
    expect(first.status).toBe(202);
    expect(await broker.send(putInstance(id, { plan_id: 'quick' }, ''))).toMatchObject({
      status: 503,
      json: { error: 'SynchronousTimeout' },
    });
    expect((await broker.send(pollInstance(id))).json.state).toBe('in progress');
  });
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
  }
}
