/**
 * Rows of instances that never were: after a restore a platform repeats a request for what stands without a row, and is
 * refused. The row of that refusal has the names of what stands, and must not keep it from being adopted.
 */
import { isUuid, query, type Session } from './session.ts';

/** Nothing was ever made under it, nobody is at work on it, and none of its bindings lives. */
const hollow = `i.state in ('provision failed', 'deprovisioned')
  and not exists (select 1 from inventory where instance_uid = i.uid and object_uid is not null)
  and not exists (select 1 from operations where instance_uid = i.uid
                  and (state = 'in progress' or (type = 'provision' and state = 'succeeded')))
  and exists (select 1 from operations where instance_uid = i.uid
              and type = 'provision' and error_code = 'AdoptionRefused')
  and not exists (select 1 from service_bindings where instance_uid = i.uid and state <> 'unbound')`;

export async function isHollow(session: Session, uid: string): Promise<boolean> {
  if (!isUuid(uid)) return false;
  return (
    (await query(session, `select 1 from service_instances i where uid = :uid and ${hollow}`, { uid }))
      .length > 0
  );
}

/** Deletes such a row with all that hangs on it. @returns whether it was (still) one */
export async function discardHollow(session: Session, uid: string): Promise<boolean> {
  await query(session, 'select 1 from service_instances where uid = :uid for update', { uid });
  if (!(await isHollow(session, uid))) return false;
  for (const table of ['operations', 'inventory', 'service_bindings']) {
    await query(session, `delete from ${table} where instance_uid = :uid`, { uid });
  }
  await query(session, 'delete from service_instances where uid = :uid', { uid });
  return true;
}
