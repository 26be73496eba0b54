/**
 * The operation row is the job. Its life, as the columns tell it; all times are those of Postgres:
 *
 * waiting    `in progress`, no lease. Due when `run_at` has passed. A wake sets `run_at` to now and counts in `wakes`.
 *            -> claimed by a worker that asks: those whose deadline has passed first, then those of the tenant for
 *            whom the fewest are claimed, then the longest due. Held back while its server or cluster has its fill.
 * claimed    `lease_owner` and `lease_until` are set, `fence` is one higher, `wakes_at_claim` remembers `wakes`. The
 *            owner renews the lease while it works, and every write of its outcome names the fence.
 *            -> waiting, by release: due after the delay asked for, or at once when a wake came since the claim, or
 *            when the owner's process is about to end.
 *            -> finished, by finishOperation, in the same transaction as what the outcome changed.
 *            -> cancelled, by cancelOperation of a later request: the fence is raised, the owner's writes are void.
 *            -> claimed by another, when the lease ran out. The late owner's writes are void. `takeovers` counts these;
 *            a release and every step that is recorded set it back. Too many of them end the operation.
 * cancelled  `failed`, and the lease still stands: an effect of the owner may be on its way. Operations on the same
 *            resource are not claimed until it ends.
 *            -> finished, when the owner gives it up or the lease ends.
 * finished   `succeeded` or `failed`, for ever. No lease.
 */
import { ChandlerError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import { lockInstanceRows } from './instances.ts';
import type { Listener } from './listener.ts';
import { announceDue } from './notifications.ts';
import { observe, observeAll, observeGone } from './observed.ts';
import {
  findingValues,
  findOperation,
  held,
  holdOf,
  type OperationRow,
  toOperation,
  wakeInstances,
  withFinding,
} from './operations.ts';
import { query, type Session, storableText } from './session.ts';
import type { ClaimLimits, OperationClaim, OperationQueue } from './types.ts';

/** Runs reads and writes; `transact` those that are more than one statement. Both translate errors. */
export interface Runner {
  run<T>(work: (session: Session) => Promise<T>): Promise<T>;
  transact<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

const unlimited: ClaimLimits = { perServer: 2 ** 31 - 1, perCluster: 2 ** 31 - 1 };

/** Work under way over all replicas, that of cancelled operations included: few rows, with an index of their own. */
const leased = `leased as materialized (
  select uid, state, tenant, cluster, instance_uid, binding_uid, lease_until from operations
  where lease_until is not null and lease_until > statement_timestamp())`;

/**
 * Tenants with operations in progress, found by leaping through the index from one to the next: thousands of due
 * operations of one tenant cost no more than one.
 */
const tenants = `tenants as (
  (select tenant from operations where state = 'in progress' order by tenant limit 1)
  union all
  select (select tenant from operations further
          where further.state = 'in progress' and further.tenant > tenants.tenant order by tenant limit 1)
  from tenants where tenants.tenant is not null)`;

/** Asked of the row `due` once more when it is locked: another replica may have claimed it in the same instant. */
const free = `due.state = 'in progress' and due.run_at <= statement_timestamp()
  and (due.lease_until is null or due.lease_until <= statement_timestamp())`;

/**
 * Whether the row `due` may be claimed. Nothing may be at work on the same resource any more (the worker of a cancelled
 * operation: on the same binding, or on anything of the instance when either is instance-wide), and its server and
 * cluster must have room; one that only has to end because its time is over needs none.
 *
 * statement_timestamp, because an index can be searched by it, which clock_timestamp does not allow.
 */
const claimable = `${free}
  and not exists (
    select 1 from leased late
    where late.instance_uid = due.instance_uid and late.state <> 'in progress' and late.uid <> due.uid
      and (late.binding_uid is null or due.binding_uid is null or late.binding_uid = due.binding_uid))
  and (due.deadline <= statement_timestamp() or (
    due.cluster not in (select cluster from leased group by cluster having count(*) >= :perCluster)
    and (due.binding_uid is null or due.instance_uid not in (
      select instance_uid from leased where binding_uid is not null
      group by instance_uid having count(*) >= :perServer))))`;

export function createOperationQueue(runner: Runner, listener: Listener): OperationQueue {
  return {
    claim: (owner, leaseSeconds, limits = unlimited) =>
      runner.run((session) => claim(session, { owner, leaseSeconds, limits })),
    renew: (held, leaseSeconds) => runner.run((session) => renew(session, held, leaseSeconds)),
    giveUp: (held) => runner.transact((session) => giveUp(session, held)),
    release: (held, next) => runner.transact((session) => release(session, held, next)),
    msUntilNextDue: (limits = unlimited) => runner.run((session) => msUntilNextDue(session, limits)),
    onWake: (callback) => listener.onWake(callback),
    waitUntilFinished: (uid, timeoutMs) => waitUntilFinished(runner, listener, uid, timeoutMs),
    observe: (watcher, object) => runner.transact((session) => observe(session, watcher, object)),
    observeGone: (watcher, object) => runner.transact((session) => observeGone(session, watcher, object)),
    observeAll: (watcher, kind, objects) =>
      runner.transact((session) => observeAll(session, watcher, kind, objects)),
  };
}

interface ClaimedRow extends OperationRow {
  expired: boolean;
  takeovers: number;
  troubled_ms: number | null;
  unlooked_ms: number | null;
  age_ms: number;
}

function msSince(time: string): string {
  return `(extract(epoch from clock_timestamp() - (${time})::timestamptz) * 1000)::float8`;
}

async function claim(
  session: Session,
  { owner, leaseSeconds, limits }: { owner: string; leaseSeconds: number; limits: ClaimLimits },
): Promise<OperationClaim | undefined> {
  const [row] = await query<ClaimedRow>(
    session,
    `update operations
     set fence = fence + 1, wakes_at_claim = wakes, takeovers = takeovers + (lease_until is not null)::int,
         lease_owner = :owner, lease_until = clock_timestamp() + :leaseSeconds * interval '1 second'
     where uid = (
       with recursive ${leased}, ${tenants}
       select due.uid from (
         select * from (
           (select -1 as held, run_at, position, uid from operations due
            where due.deadline <= statement_timestamp() and ${claimable} order by deadline limit 4)
           union all
           select (select count(*) from leased where leased.tenant = tenants.tenant), longest.* from tenants,
           lateral (select run_at, position, uid from operations due
                    where due.tenant = tenants.tenant and ${claimable} order by run_at, position limit 2) longest
         ) candidates order by held, run_at, position limit 8
       ) best
       join operations due on due.uid = best.uid and ${free}
       order by best.held, best.run_at, best.position
       limit 1
       for no key update of due skip locked)
     returning *, deadline <= clock_timestamp() as expired,
       ${msSince(`details ->> 'since'`)} as troubled_ms, ${msSince(`details ->> 'lookedAt'`)} as unlooked_ms,
       ${msSince('created_at')} as age_ms`,
    { owner, leaseSeconds, ...limits },
  );
  if (row === undefined) return undefined;
  const { fence, expired, takeovers, troubled_ms, unlooked_ms, age_ms } = row;
  const times = { troubledMs: troubled_ms ?? 0, unlookedMs: unlooked_ms ?? age_ms };
  return { operation: toOperation(row), owner, fence, expired, takeovers, ...times };
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
  const released = await query(
    session,
    `update operations
     set lease_owner = null, lease_until = null, takeovers = 0, attempts = :attempts, error_code = :errorCode,
         description = coalesce(:description, description),
         ${next.finding === undefined ? '' : `details = ${withFinding},`}
         run_at = case when wakes > wakes_at_claim then clock_timestamp()
                       else least(clock_timestamp() + :runAfterMs * interval '1 millisecond',
                                  greatest(deadline, clock_timestamp())) end
     where ${held}
     returning uid`,
    {
      ...holdOf(claimed),
      attempts: next.attempts,
      errorCode: next.errorCode ?? null,
      description: next.description === undefined ? null : storableText(next.description),
      runAfterMs: next.runAfterMs,
      ...(next.finding === undefined ? {} : findingValues(next.finding)),
    },
  );
  if (released.length === 0) await giveUp(session, claimed);
  else await announceDue(session);
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

/** What is due and held back counts from the first lease that ends; a lease that is given back wakes (announceDue). */
async function msUntilNextDue(session: Session, limits: ClaimLimits): Promise<number | undefined> {
  const [row] = await query<{ ms: number | null }>(
    session,
    `with ${leased}
     select ceil(extract(epoch from least(
       (select statement_timestamp() where exists (select 1 from operations due where ${claimable})),
       (select min(run_at) from operations where state = 'in progress' and run_at > statement_timestamp()),
       (select min(lease_until) from leased)
     ) - clock_timestamp()) * 1000)::float8 as ms`,
    { ...limits },
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
