/**
 * Bindings whose login or delivery a sweep takes back. While it does, it holds the binding as the worker of a cancelled
 * operation would (operation-queue.ts): it puts a lease on the binding's last operation, which is over. So a request
 * that comes meanwhile is promised at once, and its operation is claimed when the sweep is through or its lease ends.
 */

import { lockInstanceRows } from './instances.ts';
import { wakeInstances } from './operations.ts';
import { query, type Session } from './session.ts';
import type { BindingHold, BindingLeftover, SweptBinding, SweptInstance } from './sweep-types.ts';
import {
  type BindingRow,
  bindingColumns,
  busyBinding,
  busyInstance,
  instanceColumns,
  toBinding,
  unchangedFor,
} from './sweeps.ts';

/**
 * A bind that met another binding's delivery under its own name: the login of that name may be the other's, in use. It
 * goes when the platform unbinds.
 */
const metAnother = `coalesce((select o.error_code = 'AdoptionRefused' from operations o where o.binding_uid = b.uid
  order by o.position desc limit 1), false)`;

/**
 * Why something of a binding may be outside that should not be. What a bind left of an adopted one was not made by that
 * bind, and an app may use it.
 */
const over = `case
  when b.state = 'unbound' and ${unchangedFor('b')} then 'unbound'
  when b.state = 'bind failed' and not b.adopted and not ${metAnother} and ${unchangedFor('b')} then 'bind failed'
  when b.state in ('bound', 'unbind failed') and b.expires_at <= clock_timestamp() then 'expired' end`;
const quiet = `not ${busyBinding} and not ${busyInstance}`;
/** Not looked at since it came to this. */
const unswept = `(b.swept_at is null or b.state = 'bind failed' and b.swept_at < b.updated_at
  or b.state in ('bound', 'unbind failed') and b.swept_at < b.expires_at)`;

export async function bindingLeftovers(session: Session, settleSeconds: number): Promise<BindingLeftover[]> {
  // In no order, so that those which cannot be taken back do not stand in the way of the others.
  return query<BindingLeftover>(
    session,
    `select b.uid, b.instance_uid as "instanceUid", ${over} as why
     from service_bindings b join service_instances i on i.uid = b.instance_uid
     where ${unswept} and ${over} is not null and ${quiet}
     order by random() limit 500`,
    { settleSeconds },
  );
}

/** Run it in a transaction: it locks the instance's row, as every request does that enqueues an operation. */
export async function holdBinding(
  session: Session,
  leftover: BindingLeftover,
  { owner, seconds, settleSeconds }: { owner: string; seconds: number; settleSeconds: number },
): Promise<BindingHold | undefined> {
  const { uid, instanceUid, why } = leftover;
  await lockInstanceRows(session, [instanceUid]);
  const [held] = await query<{ operationUid: string }>(
    session,
    `update operations set lease_owner = :owner, lease_until = clock_timestamp() + :seconds * interval '1 second'
     where uid = (
       select last.uid from operations last
       join service_bindings b on b.uid = last.binding_uid
       join service_instances i on i.uid = b.instance_uid
       where b.uid = :uid and ${over} = :why and ${quiet}
       order by last.position desc limit 1)
     returning uid as "operationUid"`,
    { uid, why, owner, seconds, settleSeconds },
  );
  return held === undefined ? undefined : { ...held, bindingUid: uid, instanceUid, owner };
}

export async function renewHold(
  session: Session,
  { operationUid, owner }: BindingHold,
  seconds: number,
): Promise<boolean> {
  const renewed = await query(
    session,
    `update operations set lease_until = clock_timestamp() + :seconds * interval '1 second'
     where uid = :operationUid and lease_owner = :owner and lease_until > clock_timestamp() returning uid`,
    { operationUid, owner, seconds },
  );
  return renewed.length > 0;
}

/** Run it in a transaction. */
export async function endHold(session: Session, hold: BindingHold, swept: boolean): Promise<void> {
  const { operationUid, owner, bindingUid, instanceUid } = hold;
  await lockInstanceRows(session, [instanceUid]);
  const ended = await query(
    session,
    `update operations set lease_owner = null, lease_until = null
     where uid = :operationUid and lease_owner = :owner returning uid`,
    { operationUid, owner },
  );
  if (ended.length === 0) return;
  if (swept) {
    await query(session, 'update service_bindings set swept_at = clock_timestamp() where uid = :bindingUid', {
      bindingUid,
    });
  }
  await wakeInstances(session, [instanceUid]);
}

/** Of an instance whose server is there: a failed update or deprovision that took nothing from it is no reason to look away. */
const inUse = `(i.state = 'ready' or i.state in ('update failed', 'deprovision failed') and i.usable)`;

/** The next instances in use and at rest, in the order of their uids. */
export async function instancesInUse(
  session: Session,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await query<{ uid: string }>(
    session,
    `select i.uid from service_instances i
     where ${inUse} and (:after::uuid is null or i.uid > :after::uuid) and not ${busyInstance}
     order by i.uid limit :limit`,
    { after: after ?? null, limit },
  );
  return rows.map(({ uid }) => uid);
}

/** Run it in a transaction of its own: all of it is as of one moment. */
export async function bindingsOf(
  session: Session,
  instanceUid: string,
  settleSeconds: number,
): Promise<{ instance: (SweptInstance & { inUse: boolean }) | undefined; bindings: SweptBinding[] }> {
  await query(session, 'set transaction isolation level repeatable read read only');
  const [instance] = await query<SweptInstance & { inUse: boolean }>(
    session,
    `select ${instanceColumns}, false as settled, ${inUse} as "inUse" from service_instances i where i.uid = :instanceUid`,
    { instanceUid },
  );
  const bindings = await query<BindingRow>(
    session,
    `select ${bindingColumns}, ${unchangedFor('b')} and not ${busyBinding} as settled
     from service_bindings b where b.instance_uid = :instanceUid`,
    { instanceUid, settleSeconds },
  );
  return { instance, bindings: bindings.map(toBinding) };
}
