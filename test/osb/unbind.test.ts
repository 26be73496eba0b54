import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLost } from '../../src/store/types.ts';
import {
  boundBinding,
  deleteBinding,
  newId,
  operationOf,
  pollBinding,
  putBinding,
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
