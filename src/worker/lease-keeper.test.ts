import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LeaseLost, type OperationClaim } from '../store/types.ts';
import { keepLease } from './lease-keeper.ts';

const claim = {} as OperationClaim;
const clock = () => ({ askedAt: Date.now(), now: () => Date.now() });

describe('keepLease', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('holds for as long as Postgres renews', async () => {
    const lease = keepLease({ renew: () => Promise.resolve(true) }, claim, 15, clock());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(() => lease.guard()).not.toThrow();
    lease.stop();
  });

  it('is lost at once when Postgres refuses to renew', async () => {
    const lease = keepLease({ renew: () => Promise.resolve(false) }, claim, 15, clock());
    await vi.advanceTimersByTimeAsync(5_001);
    expect(() => lease.guard()).toThrow(LeaseLost);
    lease.stop();
  });

  it('stops outside effects while a third of the lease is still left, when Postgres cannot be reached', async () => {
    const lease = keepLease({ renew: () => Promise.reject(new Error('away')) }, claim, 15, clock());
    await vi.advanceTimersByTimeAsync(9_900);
    expect(() => lease.guard()).not.toThrow();
    await vi.advanceTimersByTimeAsync(200);
    expect(() => lease.guard()).toThrow(LeaseLost);
    lease.stop();
  });

  it('counts a slow renewal from when it was sent', async () => {
    const renew = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 4_000));
    const lease = keepLease({ renew }, claim, 15, clock());
    await vi.advanceTimersByTimeAsync(9_500);
    lease.stop();
    await vi.advanceTimersByTimeAsync(5_400);
    // Sent at 5 s, so held until 20 s and safe until 15 s; counted from the answer it would be safe until 19 s.
    expect(() => lease.guard()).not.toThrow();
    await vi.advanceTimersByTimeAsync(200);
    expect(() => lease.guard()).toThrow(LeaseLost);
  });

  it('counts the first lease from when it was asked for', () => {
    const lease = keepLease({ renew: () => Promise.resolve(true) }, claim, 15, {
      ...clock(),
      askedAt: Date.now() - 10_001,
    });
    expect(() => lease.guard()).toThrow(LeaseLost);
    lease.stop();
  });
});
