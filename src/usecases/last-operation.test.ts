import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceBinding } from '../domain/binding.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { Operation } from '../domain/operation.ts';
import { osbOptionsFor } from '../domain/osb-options.ts';
import type { Store } from '../store/types.ts';
import { bindingLastOperation } from './binding-last-operation.ts';
import type { Caller } from './caller.ts';
import { instanceLastOperation } from './instance-last-operation.ts';
import { isLongGone, lastOperation, retryAfterSeconds } from './last-operation.ts';

const operation: Operation = {
  uid: '1',
  type: 'update',
  state: 'in progress',
  instanceUid: '2',
  planRevision: '3',
  description: 'waiting',
  fence: 1,
  attempts: 0,
  appliedResources: [],
  deadline: new Date(0),
  createdAt: new Date(0),
};

describe('what a poll tells', () => {
  it('asks to come again after whole seconds, 1 to 30, later for what takes longer', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.nat(10_000_000), (one, other) => {
        const [younger, older] = [Math.min(one, other), Math.max(one, other)];
        const seconds = retryAfterSeconds(younger);
        expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= 30).toBe(true);
        expect(retryAfterSeconds(older)).toBeGreaterThanOrEqual(seconds);
      }),
    );
  });

  it('asks to come again only while the operation is in progress', () => {
    expect(lastOperation({ ...operation }, 60_000).retryAfterSeconds).toBe(15);
    expect(lastOperation({ ...operation, state: 'failed' }).retryAfterSeconds).toBeUndefined();
  });

  it('tells how a failed update left the instance, and only then', () => {
    expect(
      lastOperation({ ...operation, state: 'failed', instanceUsable: false, updateRepeatable: true }),
    ).toMatchObject({
      instanceUsable: false,
      updateRepeatable: true,
    });
    expect(Object.keys(lastOperation({ ...operation, state: 'succeeded' }))).toEqual([
      'state',
      'description',
    ]);
  });

  it('a deletion is answered for a day', () => {
    const finished = { ...operation, finishedAt: new Date(0) };
    expect(isLongGone(finished, 24 * 3_600_000)).toBe(false);
    expect(isLongGone(finished, 24 * 3_600_000 + 1)).toBe(true);
  });
});

describe('a poll while a deletion ends', () => {
  const ended = (type: Operation['type']): Operation => ({
    ...operation,
    type,
    state: 'succeeded',
    finishedAt: new Date(),
  });
  /** Its rows were read before the deletion ended, and the operation after. */
  const store = {
    findInstanceOrTombstone: async () => ({ uid: '2', state: 'deprovisioning' }) as ServiceInstance,
    findBindingOrTombstone: async () => ({ uid: '3', state: 'unbinding' }) as ServiceBinding,
    latestInstanceOperation: async () => ended('deprovision'),
    latestBindingOperation: async () => ended('unbind'),
  } as Partial<Store> as Store;
  const caller = (pollAfterDeletion: 'succeeded' | 'gone'): Caller => ({
    platform: 'test',
    namespaces: [],
    delivers: false,
    options: osbOptionsFor('test', { pollAfterDeletion }),
  });
  const request = { instanceId: 'i', bindingId: 'b' };

  it('never says "succeeded" to a platform that wants 410', async () => {
    const gone = caller('gone');
    await expect(instanceLastOperation({ store }, gone, request)).rejects.toMatchObject({
      code: 'InstanceGone',
    });
    await expect(bindingLastOperation({ store }, gone, request)).rejects.toMatchObject({
      code: 'BindingGone',
    });
    const usual = caller('succeeded');
    expect((await instanceLastOperation({ store }, usual, request)).state).toBe('succeeded');
    expect((await bindingLastOperation({ store }, usual, request)).state).toBe('succeeded');
  });
});
