/**
 * The operation row is the job. Its life, as the columns tell it; all times are those of Postgres:
 *
 * waiting    `in progress`, no lease. Due when `run_at` has passed. A wake sets `run_at` to now and counts in `wakes`.
 *            -> claimed by the first worker that asks, the longest due first.
 * claimed    `lease_owner` and `lease_until` are set, `fence` is one higher, `wakes_at_claim` remembers `wakes`. The
 *            owner renews the lease while it works, and every write of its outcome names the fence.
 *            -> waiting, by release: due after the delay asked for, or at once when a wake came since the claim.
 *            -> finished, by finishOperation, in the same transaction as what the outcome changed.
 *            -> cancelled, by cancelOperation of a later request: the fence is raised, the owner's writes are void.
 *            -> claimed by another, when the lease ran out. The late owner's writes are void.
 * cancelled  `failed`, and the lease still stands: an effect of the owner may be on its way. Operations on the same
 *            resource are not claimed until it ends.
 *            -> finished, when the owner gives it up or the lease ends.
 * finished   `succeeded` or `failed`, for ever. No lease.
 */
import { ChandlerError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import { lockInstanceRows } from './instances.ts';
import type { Listener } from './listener.ts';
import { announceWake } from './notifications.ts';
import { observe, observeAll, observeGone } from './observed.ts';
import {
  blocking,
  findOperation,
  held,
  holdOf,
  type OperationRow,
  toOperation,
  wakeInstances,
} from './operations.ts';
import { query, type Session, storableText } from './session.ts';
import type { OperationClaim, OperationQueue } from './types.ts';

/** Runs reads and writes; `transact` those that are more than one statement. Both translate errors. */
export interface Runner {
  run<T>(work: (session: Session) => Promise<T>): Promise<T>;
  transact<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

export function createOperationQueue(runner: Runner, listener: Listener): OperationQueue {
  return {
    claim: (owner, leaseSeconds) => runner.run((session) => claim(session, owner, leaseSeconds)),
    renew: (held, leaseSeconds) => runner.run((session) => renew(session, held, leaseSeconds)),
    giveUp: (held) => runner.transact((session) => giveUp(session, held)),
    release: (held, next) => runner.transact((session) => release(session, held, next)),
    msUntilNextDue: () => runner.run(msUntilNextDue),
    onWake: (callback) => listener.onWake(callback),
    waitUntilFinished: (uid, timeoutMs) => waitUntilFinished(runner, listener, uid, timeoutMs),
    observe: (watcher, object) => runner.transact((session) => observe(session, watcher, object)),
    observeGone: (watcher, object) => runner.transact((session) => observeGone(session, watcher, object)),
    observeAll: (watcher, kind, objects) =>
      runner.transact((session) => observeAll(session, watcher, kind, objects)),
  };
}

async function claim(
  session: Session,
  owner: string,
  leaseSeconds: number,
): Promise<OperationClaim | undefined> {
  const [row] = await query<OperationRow & { expired: boolean }>(
    session,
    `update operations
     set fence = fence + 1, wakes_at_claim = wakes, lease_owner = :owner,
         lease_until = clock_timestamp() + :leaseSeconds * interval '1 second'
     where uid = (
       select uid from operations due
       where state = 'in progress' and run_at <= clock_timestamp()
         and (lease_until is null or lease_until <= clock_timestamp())
         and not exists (select 1 ${blocking('due')})
       order by run_at, position
       limit 1
       for no key update skip locked)
     returning *, deadline <= clock_timestamp() as expired`,
    { owner, leaseSeconds },
  );
  return row === undefined
    ? undefined
    : { operation: toOperation(row), owner, fence: row.fence, expired: row.expired };
}

async function renew(session: Session, claimed: OperationClaim, leaseSeconds: number): Promise<boolean> {
  const renewed = await query(
    session,
    `update operations set lease_until = clock_timestamp() + :leaseSeconds * interval '1 second'
     where ${held} returning uid`,
    { ...holdOf(claimed), leaseSeconds },
  );
  return renewed.length > 0;
}

async function release(
  session: Session,
  claimed: OperationClaim,
  next: Parameters<OperationQueue['release']>[1],
): Promise<void> {
  const [released] = await query<{ due: boolean }>(
    session,
    `update operations
     set lease_owner = null, lease_until = null, attempts = :attempts, error_code = :errorCode,
         description = coalesce(:description, description),
         run_at = case when wakes > wakes_at_claim then clock_timestamp()
                       else least(clock_timestamp() + :runAfterMs * interval '1 millisecond',
                                  greatest(deadline, clock_timestamp())) end
     where ${held}
     returning run_at <= clock_timestamp() as due`,
    {
      ...holdOf(claimed),
      attempts: next.attempts,
      errorCode: next.errorCode ?? null,
      description: next.description === undefined ? null : storableText(next.description),
      runAfterMs: next.runAfterMs,
    },
  );
  if (released === undefined) await giveUp(session, claimed);
  else if (released.due) await announceWake(session);
}

async function giveUp(session: Session, claimed: OperationClaim): Promise<void> {
  const { uid, instanceUid } = claimed.operation;
  await lockInstanceRows(session, [instanceUid]);
  const given = await query(
    session,
    `update operations set lease_owner = null, lease_until = null
     where uid = :uid and lease_owner = :owner and state <> 'in progress'
     returning uid`,
    { uid, owner: claimed.owner },
  );
  if (given.length > 0) await wakeInstances(session, [instanceUid]);
}

async function msUntilNextDue(session: Session): Promise<number | undefined> {
  const [row] = await query<{ ms: number | null }>(
    session,
    `select ceil(extract(epoch from least(
       (select min(greatest(run_at, (select max(late.lease_until) ${blocking('first')})))
        from (select * from operations where state = 'in progress' and lease_until is null
              order by run_at, position limit 100) first),
       (select min(greatest(run_at, lease_until)) from operations
        where lease_until is not null and state = 'in progress')
     ) - clock_timestamp()) * 1000)::float8 as ms`,
  );
  return typeof row?.ms === 'number' ? Math.max(0, row.ms) : undefined;
}

async function waitUntilFinished(
  runner: Runner,
  listener: Listener,
  uid: string,
  timeoutMs: number,
): Promise<Operation> {
  const deadline = performance.now() + timeoutMs;
  const watch = listener.watchFinished(uid);
  try {
    for (;;) {
      const operation = await runner.run((session) => findOperation(session, uid));
      if (operation === undefined) {
        throw new ChandlerError('Internal', { cause: new Error(`there is no operation ${uid} to wait for`) });
      }
      const left = deadline - performance.now();
      if (operation.state !== 'in progress' || left <= 0 || listener.closed) return operation;
      await watch.next(left);
    }
  } finally {
    watch.stop();
  }
}
