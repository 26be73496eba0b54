import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLost } from '../../src/store/types.ts';
import {
  boundBinding,
  deleteInstance,
  newId,
  operationOf,
  pollBinding,
  pollInstance,
  putBinding,
  putInstance,
  readyInstance,
} from './requests.ts';
import { otherCredential, startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({ settings: { syncWaitMs: 400 } });
});
afterAll(() => broker.close());
beforeEach(() => broker.worker.putOffAll());

const get = (id: string) => ({ path: `/v2/service_instances/${id}` });

describe('deprovision', () => {
  it('answers 202, the same operation again while it runs, 410 once it is done', async () => {
    const id = await readyInstance(broker);
    const first = await broker.send(deleteInstance(id));
    expect(first.status).toBe(202);
    expect((await broker.send(deleteInstance(id))).json).toEqual(first.json);
    expect(await broker.send(get(id))).toMatchObject({ status: 422, json: { error: 'ConcurrencyError' } });
    expect(await broker.send(putInstance(id))).toMatchObject({
      status: 422,
      json: { error: 'ConcurrencyError' },
    });

    await broker.worker.finish(operationOf(first));
    expect(await broker.send(deleteInstance(id))).toMatchObject({ status: 410, json: { error: 'Gone' } });
    expect((await broker.send(get(id))).status).toBe(404);
    expect((await broker.send(pollInstance(id))).json).toEqual({ state: 'succeeded', description: 'Done.' });
  });

  it('answers 200 when the plan is quick', async () => {
    const id = newId();
    await Promise.all([broker.send(putInstance(id, { plan_id: 'quick' }, '')), broker.worker.finishNext()]);
    const [answer] = await Promise.all([
      broker.send(deleteInstance(id, '?service_id=service-pg&plan_id=quick')),
      broker.worker.finishNext(),
    ]);
    expect(answer).toMatchObject({ status: 200, text: '{}' });
  });

  it('cancels a create that runs: its worker can no longer write, and only the delete is left to do', async () => {
    const id = newId();
    const created = operationOf(await broker.send(putInstance(id)));
    const claim = await broker.worker.claim(created);
    const deleted = await broker.send(deleteInstance(id));
    expect(deleted.status).toBe(202);
    await expect(broker.worker.end(claim)).rejects.toThrow(LeaseLost);
    expect((await broker.send(pollInstance(id, `?operation=${created}`))).json).toEqual({
      state: 'failed',
      description: 'Cancelled: the service instance is being deleted.',
    });
    expect((await broker.send(pollInstance(id, `?operation=${operationOf(deleted)}`))).json.state).toBe(
      'in progress',
    );
    expect((await broker.send(pollInstance(id))).json.state).toBe('in progress');
    await broker.worker.finish(operationOf(deleted));
    expect((await broker.send(deleteInstance(id))).status).toBe(410);
  });

  it('cancels what runs on its bindings, in the same transaction', async () => {
    const id = await readyInstance(broker, { plan_id: 'slow' });
    const slow = { plan_id: 'slow' };
    const bound = await boundBinding(broker, id, slow);
    const binding = newId();
    const bind = operationOf(await broker.send(putBinding(id, binding, slow)));
    await broker.send(deleteInstance(id, '?accepts_incomplete=true&service_id=service-pg&plan_id=slow'));
    expect((await broker.send(pollBinding(id, binding, `?operation=${bind}`))).json).toEqual({
      state: 'failed',
      description: 'Cancelled: the service instance is being deleted.',
    });
    const states = (
      await broker.store.listBindings(
        (await broker.store.findInstance({ platform: 'kubernetes', instanceId: id }))?.uid ?? '',
      )
    ).map(({ bindingId, state }) => [bindingId, state]);
    expect(states).toEqual([
      [bound, 'bound'],
      [binding, 'bind failed'],
    ]);
  });

  it('works after a failed provision and after a failed deprovision', async () => {
    const id = newId();
    const failure = { code: 'ResourceFailed', sentence: 'It broke.' } as const;
    await broker.worker.finish(operationOf(await broker.send(putInstance(id))), failure);
    const first = operationOf(await broker.send(deleteInstance(id)));
    await broker.worker.finish(first, { ...failure, instanceUsable: false });
    expect((await broker.send(pollInstance(id))).json).toEqual({
      state: 'failed',
      description: 'It broke.',
      instance_usable: false,
    });
    expect((await broker.send(get(id))).status).toBe(200);
    expect((await broker.send(putInstance(id))).status).toBe(409);
    const second = operationOf(await broker.send(deleteInstance(id)));
    expect(second).not.toBe(first);
    await broker.worker.finish(second);
    expect((await broker.send(deleteInstance(id))).status).toBe(410);
  });

  it('checks in the order 422 AsyncRequired, 400 missing ids, 410 (what the suites of OSBAPI expect)', async () => {
    const unknown = newId();
    expect((await broker.send(deleteInstance(unknown, '?service_id=service-pg&plan_id=usual'))).status).toBe(
      422,
    );
    expect(
      (await broker.send(deleteInstance(unknown, '?accepts_incomplete=true&plan_id=usual'))).status,
    ).toBe(400);
    expect((await broker.send(deleteInstance(unknown))).status).toBe(410);
    expect(
      (await broker.send(deleteInstance(unknown, '?accepts_incomplete=true&service_id=gone&plan_id=gone')))
        .status,
    ).toBe(410);
    const id = await readyInstance(broker);
    const before = await broker.rows();
    expect((await broker.send(deleteInstance(id, '?service_id=service-pg'))).status).toBe(422);
    expect(
      (await broker.send(deleteInstance(id, '?accepts_incomplete=true&service_id=service-pg'))).json
        .description,
    ).toMatch(/plan_id missing/);
    expect(
      (await broker.send(deleteInstance(id, '?accepts_incomplete=true&service_id=service-pg&plan_id=slow')))
        .status,
    ).toBe(400);
    expect(await broker.rows()).toBe(before);
  });
});

describe('last_operation', () => {
  it('takes an unknown, foreign or repeated token as a hint and answers with the latest operation', async () => {
    const foreign = operationOf(await broker.send(putInstance(newId())));
    const id = await readyInstance(broker);
    for (const query of [
      '?operation=provision',
      '?operation=%00',
      `?operation=${foreign}`,
      '?operation=a&operation=b',
      '?plan_id=x&service_id=y',
    ]) {
      expect((await broker.send(pollInstance(id, query))).json.state).toBe('succeeded');
    }
  });

  it('knows nothing of an unknown instance', async () => {
    expect(await broker.send(pollInstance(newId()))).toMatchObject({
      status: 404,
      json: { error: 'NotFound' },
    });
  });
});

describe('another platform', () => {
  it('does not see an instance, and may use the same id for one of its own', async () => {
    const id = await readyInstance(broker);
    const headers = { authorization: otherCredential };
    const before = await broker.rows();
    expect((await broker.send({ ...get(id), headers })).status).toBe(404);
    expect((await broker.send({ ...pollInstance(id), headers })).status).toBe(404);
    expect((await broker.send({ ...deleteInstance(id), headers })).status).toBe(410);
    expect((await broker.send({ ...putBinding(id, newId()), headers })).status).toBe(404);
    expect(await broker.rows()).toBe(before);

    expect((await broker.send({ ...putInstance(id, { parameters: {} }), headers })).status).toBe(202);
    expect((await broker.send(get(id))).json).toMatchObject({ parameters: { storage: '1Gi' } });
  });
});
