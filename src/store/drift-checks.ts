/** What the drift sweep asks of the store. Seconds are counted by Postgres. */
import { isUuid, query, type Session } from './session.ts';
import { atWork } from './sweeps.ts';

/** Where something was found, the next look comes sooner: it may be mended, or must be confirmed. */
const suspiciousSeconds = 60;

/** Anything at work on the instance or its bindings. */
const busy = `exists (select 1 from operations o where o.instance_uid = i.uid and ${atWork})`;

/** One at a time, since whoever locks several instances does so in the order of their uids. */
export async function claimDriftCheck(session: Session, everySeconds: number): Promise<string | undefined> {
  const [row] = await query<{ uid: string }>(
    session,
    `update service_instances set drift_checked_at = clock_timestamp()
     where uid = (
       select i.uid from service_instances i
       where i.state = 'ready' and not ${busy}
         and (i.drift_checked_at is null
              or i.drift_checked_at <= clock_timestamp() - :everySeconds * interval '1 second'
              or i.drift_checked_at <= clock_timestamp() - :suspiciousSeconds * interval '1 second'
                 and exists (select 1 from findings f where f.instance_uid = i.uid::text
                             and f.kind in ('drift', 'row without object')))
       order by i.drift_checked_at nulls first, i.uid
       limit 1
       for no key update)
     returning uid`,
    { everySeconds, suspiciousSeconds },
  );
  return row?.uid;
}

export async function forgetDriftOfGone(session: Session): Promise<void> {
  await query(
    session,
    `delete from findings f where f.kind = 'drift' and not exists (
       select 1 from service_instances i where i.uid::text = f.instance_uid and i.state <> 'deprovisioned')`,
  );
}

export async function restOf(session: Session, instanceUid: string): Promise<string | undefined> {
  if (!isUuid(instanceUid)) return undefined;
  const [row] = await query<{ latest: string }>(
    session,
    `select coalesce(max(o.position), 0)::text as latest
     from service_instances i left join operations o on o.instance_uid = i.uid
     where i.uid = :instanceUid and i.state = 'ready' and not ${busy}
     group by i.uid`,
    { instanceUid },
  );
  return row?.latest;
}

export async function recentRepairs(
  session: Session,
  instanceUid: string,
): Promise<{ count: number; lastSecondsAgo: number | undefined }> {
  const [row] = await query<{ count: number; ago: number | null }>(
    session,
    `select count(*)::integer as count,
            extract(epoch from clock_timestamp() - max(created_at))::float8 as ago
     from operations
     where instance_uid = :instanceUid and binding_uid is null and type = 'repair' and error_code is distinct from 'Cancelled'
       and created_at > clock_timestamp() - interval '24 hours'`,
    { instanceUid },
  );
  return { count: row?.count ?? 0, lastSecondsAgo: row?.ago ?? undefined };
}
