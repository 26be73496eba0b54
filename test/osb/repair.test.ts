/** A repair is Chandler's own: whatever a platform asks meanwhile and afterwards, it hears nothing of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enqueueRepair } from '../../src/store/enqueue-repair.ts';
import { deleteInstance, pollInstance, putBinding, putInstance, readyInstance } from './requests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
const cancelled: object[] = [];
beforeAll(async () => {
  broker = await startTestBroker({ events: { operationCancelled: (fields) => void cancelled.push(fields) } });
});
afterAll(() => broker?.close());

const failure = { code: 'ResourceFailed', sentence: 'The repair failed, for some reason.' } as const;

async function underRepair() {
  const id = await readyInstance(broker);
  const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
  const outcome = await enqueueRepair(broker.store, { instanceUid: instance?.uid ?? '' });
  if (outcome.kind === 'refused') throw new Error(outcome.why);
  return { id, repair: outcome.operation.uid };
}

const patch = (id: string, parameters = { storage: '2Gi' }) => ({
  method: 'PATCH',
  path: `/v2/service_instances/${id}?accepts_incomplete=true`,
  body: { service_id: 'service-pg', parameters },
});

describe.each(['runs', 'succeeded', 'failed'])('while or after a repair that %s', (how) => {
  async function instanceWith() {
    const made = await underRepair();
    if (how !== 'runs') await broker.worker.finish(made.repair, how === 'failed' ? failure : 'succeeded');
    return made;
  }

  it('the last operation is the one the platform asked for, with and without a token', async () => {
    const { id, repair } = await instanceWith();
    for (const query of ['', '?operation=unknown', `?operation=${repair}`]) {
      const { status, json } = await broker.send(pollInstance(id, query));
      expect([status, json], query).toEqual([200, { state: 'succeeded', description: 'Done.' }]);
    }
  });

  it('the instance is there, a repeated PUT is 200, other attributes are a conflict', async () => {
    const { id } = await instanceWith();
    expect((await broker.send({ path: `/v2/service_instances/${id}` })).status).toBe(200);
    expect((await broker.send(putInstance(id))).status).toBe(200);
    expect((await broker.send(putInstance(id, { parameters: {} }))).status).toBe(409);
  });

  it('it is bound', async () => {
    const { id } = await instanceWith();
    expect((await broker.send(putBinding(id, `binding-of-${id}`))).status).toBe(202);
  });
});

it('a PATCH takes the place of the repair; one that changes nothing leaves it alone', async () => {
  const { id, repair } = await underRepair();
  expect((await broker.send(patch(id, { storage: '1Gi' }))).status).toBe(200);
  expect(await broker.store.findOperation(repair)).toMatchObject({ state: 'in progress' });
  expect((await broker.send(patch(id))).status).toBe(202);
  expect(await broker.store.findOperation(repair)).toMatchObject({ state: 'failed', errorCode: 'Cancelled' });
  expect(cancelled).toContainEqual(expect.objectContaining({ operationUid: repair, reason: 'update' }));
  expect((await broker.send(pollInstance(id))).json.state).toBe('in progress');
});

it('a DELETE takes the place of the repair', async () => {
  const { id, repair } = await underRepair();
  expect((await broker.send(deleteInstance(id))).status).toBe(202);
  expect(await broker.store.findOperation(repair)).toMatchObject({ state: 'failed', errorCode: 'Cancelled' });
  expect(cancelled).toContainEqual(expect.objectContaining({ operationUid: repair, reason: 'deprovision' }));
});
