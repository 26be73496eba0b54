import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  newBinding,
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import { Redacted } from '../lib/redacted.ts';
import { UniqueConflict } from './types.ts';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
  await opened.store.putRevision(testRevision, new Map([['chart-1', randomBytes(100)]]));
});
afterAll(() => opened.close());

test('an instance is read as it was written, and its namespace is its external name', async () => {
  const { store } = opened;
  const written = newInstance({
    instanceId: 'an id / with 😀 and \\ in it',
    context: { namespace: 'app', nul: 'a\u0000b' },
    parameters: { storage: '1Gi', deep: [1, { two: null }] },
    contextNamespace: 'app',
    generated: new Redacted({ admin: { password: 'generated' } }),
  });
  const inserted = await store.transact((transaction) => transaction.insertInstance(written));
  const found = await store.findInstance(written);
  expect(found).toEqual(inserted);
  expect(found).toMatchObject({
    ...written,
    incarnation: 1,
    state: 'provisioning',
    namespace: inserted.externalName,
    outputs: {},
  });
  expect(found?.generated.reveal()).toEqual({ admin: { password: 'generated' } });
  expect(await store.findInstanceByUid(inserted.uid)).toEqual(inserted);
});
