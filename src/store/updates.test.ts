import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { Operation, UpdateTarget } from '../domain/operation.ts';
import type { NewInstance, OperationClaim, Store } from './types.ts';

let opened: TestStore;
let store: Store;

beforeAll(async () => {
  opened = await openTestStore();
  store = opened.store;
  await store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());

const insert = (instance: NewInstance = newInstance()) =>
  store.transact((transaction) => transaction.insertInstance(instance));

async function claim({ uid }: Operation): Promise<OperationClaim> {
  for (;;) {
    const claimed = await store.operationQueue.claim('worker', 60);
    if (claimed === undefined) throw new Error('nothing to claim');
    if (claimed.operation.uid === uid) return claimed;
  }
}

describe('an update', () => {
  const target: UpdateTarget = {
    ...{ planId: 'plan-2', parameters: { storage: '2Gi' }, context: { instance_name: 'new' } },
    ...{
      generated: { admin: { password: 'kept' }, more: { password: 'added' } },
      dashboardUrl: 'https://new',
    },
    request: { planId: 'plan-2', parameters: {} },
  };
  const planRevision = 'revision-of-plan-2';
  beforeAll(() => store.putRevision({ ...testRevision, digest: planRevision }, new Map()));
  const enqueue = (instance: ServiceInstance) =>
    store.transact((transaction) =>
      transaction.enqueueOperation(
        newOperation(instance, { type: 'update', update: { planRevision, target } }),
      ),
    );

  test('carries what it makes of the instance, which until then stays as it is', async () => {
    const instance = await insert(newInstance({ parameters: { storage: '1Gi' } }));
    const operation = await enqueue(instance);
    expect(operation).toMatchObject({ type: 'update', planRevision, appliedResources: [] });
    expect((await store.findUpdateTarget(operation.uid))?.reveal()).toEqual(target);
    expect(await store.findInstanceByUid(instance.uid)).toEqual(instance);

    await store.transact((transaction) => transaction.applyUpdate(instance.uid, planRevision, target));
    const { request: _request, generated, ...values } = target;
    const updated = await store.findInstanceByUid(instance.uid);
    expect(updated).toMatchObject({ ...values, planRevision });
    expect(updated?.generated.reveal()).toEqual(generated);
    expect((await store.findUpdateTarget(operation.uid))?.reveal()).toEqual(target);
  });

  test('without a dashboard leaves the one there is', async () => {
    const { uid } = await insert();
    const { dashboardUrl: _url, ...without } = target;
    await store.transact(async (transaction) => {
      await transaction.setDashboardUrl(uid, 'https://old');
      await transaction.applyUpdate(uid, planRevision, without);
    });
    expect((await store.findInstanceByUid(uid))?.dashboardUrl).toBe('https://old');
  });

  test('is what other operations are not: they keep the revision of the instance and have no target', async () => {
    const instance = await insert();
    const { uid, planRevision: own } = await store.transact((transaction) =>
      transaction.enqueueOperation(newOperation(instance)),
    );
    expect(own).toBe(testRevision.digest);
    expect(await store.findUpdateTarget(uid)).toBeUndefined();
  });

  test('notes each resource once that it brought to its new state, in order', async () => {
    const { uid } = await enqueue(await insert());
    for (const id of ['server', 'admin', 'server', `it's "odd"`]) {
      await store.transact((transaction) => transaction.recordAppliedResource(uid, id));
    }
    expect((await store.findOperation(uid))?.appliedResources).toEqual(['server', 'admin', `it's "odd"`]);
  });

  test.each([
    [{ instanceUsable: false, updateRepeatable: true }],
    [{ instanceUsable: true, updateRepeatable: false }],
    [{ instanceUsable: true }],
    [{}],
  ])('that failed keeps how it left the instance: %o', async (aftermath) => {
    const operation = await enqueue(await insert());
    const claimed = await claim(operation);
    await store.transact((transaction) =>
      transaction.finishOperation(claimed, {
        ...{ state: 'failed', description: 'no', errorCode: 'ResourceFailed' },
        ...aftermath,
      }),
    );
    const { instanceUsable, updateRepeatable } = (await store.findOperation(operation.uid)) ?? {};
    expect({ instanceUsable, updateRepeatable }).toEqual(aftermath);
  });
});
