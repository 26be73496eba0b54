/** What must hold when requests for the same thing meet, also on two replicas. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OperationState } from '../../src/domain/operation.ts';
import {
  deleteBinding,
  deleteInstance,
  newId,
  operationOf,
  pollInstance,
  putBinding,
  putInstance,
  readyInstance,
} from './requests.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker.close());

const times = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

async function countRows(instanceId: string): Promise<unknown> {
  const [row] = await broker.query(
    `select count(distinct i.uid)::int as instances, count(distinct b.uid)::int as bindings, count(distinct o.uid)::int as operations
     from service_instances i left join service_bindings b on b.instance_uid = i.uid
     join operations o on o.instance_uid = i.uid where i.instance_id = '${instanceId}'`,
  );
  return row;
}

describe('parallel requests', () => {
  it('20 equal provisions make one row and one operation, and all get that one', async () => {
    const id = newId();
    const answers = await times(20, () => broker.send(putInstance(id)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(operationOf)).size).toBe(1);
    expect(await countRows(id)).toEqual({ instances: 1, bindings: 0, operations: 1 });
  });

  it('20 different provisions of one id make one row; one is accepted, the others conflict', async () => {
    const id = newId();
    const answers = await times(20, (n) => broker.send(putInstance(id, { organization_guid: `org-${n}` })));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([202, ...Array.from({ length: 19 }, () => 409)]);
    expect(await countRows(id)).toEqual({ instances: 1, bindings: 0, operations: 1 });
  });

  it('20 equal binds make one row and one operation', async () => {
    const id = await readyInstance(broker);
    const binding = newId();
    const answers = await times(20, () => broker.send(putBinding(id, binding)));
    expect(new Set(answers.map(operationOf)).size).toBe(1);
    expect(await countRows(id)).toEqual({ instances: 1, bindings: 1, operations: 2 });
  });

  it('20 different binds of one instance are all accepted', async () => {
    const id = await readyInstance(broker);
    const answers = await times(20, () => broker.send(putBinding(id, newId())));
    expect(new Set(answers.map(operationOf)).size).toBe(20);
  });

  it('one binding id on several instances is taken once', async () => {
    const ids = [await readyInstance(broker), await readyInstance(broker), await readyInstance(broker)];
    const binding = newId();
    const answers = await Promise.all(ids.map((id) => broker.send(putBinding(id, binding))));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
  });

  it('20 deletes enqueue one operation', async () => {
    const id = await readyInstance(broker);
    const answers = await times(20, () => broker.send(deleteInstance(id)));
    expect(new Set(answers.map(operationOf)).size).toBe(1);
    expect(await countRows(id)).toEqual({ instances: 1, bindings: 0, operations: 2 });
  });

  it('a mixture of everything ends with one active operation at most, and no fault', async () => {
    const id = newId();
    const binding = newId();
    const answers = await times(40, (n) =>
      broker.send(
        [
          putInstance(id),
          deleteInstance(id),
          putBinding(id, binding),
          deleteBinding(id, binding),
          pollInstance(id),
        ][n % 5] ?? pollInstance(id),
      ),
    );
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const active = await broker.query(
      `select o.state as state from operations o join service_instances i on i.uid = o.instance_uid
       where i.instance_id = '${id}' and o.binding_uid is null and o.state = 'in progress'`,
    );
    expect(active).toEqual([{ state: 'in progress' satisfies OperationState }]);
  });

  it('a delete that meets the end of a create never loses: the instance is being deleted afterwards', async () => {
    await times(10, async () => {
      const id = newId();
      const create = operationOf(await broker.send(putInstance(id)));
      const claim = await broker.store.operationQueue.claim('racer', 60);
      const [deleted] = await Promise.all([
        broker.send(deleteInstance(id)),
        claim === undefined ? undefined : broker.worker.end(claim).catch(() => undefined),
      ]);
      expect(deleted.status).toBe(202);
      const polled = await broker.send(pollInstance(id, `?operation=${create}`));
      expect(['succeeded', 'failed', 'in progress']).toContain(polled.json.state);
      const instance = await broker.store.findInstance({ platform: 'kubernetes', instanceId: id });
      expect(instance?.state).toBe('deprovisioning');
    });
  });
});
