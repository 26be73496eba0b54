import type { BindingState } from '../domain/binding.ts';
import { isUuid, query, type Session } from './session.ts';
import type { ClusterRows, SweptBinding, SweptInstance, SweptItem, Tombstones } from './sweep-types.ts';
import { noCluster } from './types.ts';

/** An operation at work: in progress, or one whose worker may still be about (operation-queue.ts, `cancelled`). */
export const atWork = `(o.state = 'in progress' or o.lease_until > clock_timestamp())`;
export const busyInstance = `exists (select 1 from operations o
  where o.instance_uid = i.uid and o.binding_uid is null and ${atWork})`;
export const busyBinding = `exists (select 1 from operations o where o.binding_uid = b.uid and ${atWork})`;
/** State and operation change in one transaction, so the row alone tells when its last operation ended. */
export const unchangedFor = (row: string) =>
  `${row}.updated_at <= clock_timestamp() - :settleSeconds * interval '1 second'`;

export const instanceColumns = `i.uid, i.state, i.external_name as "externalName", i.cluster, i.namespace,
  ${busyInstance} as busy`;

export interface BindingRow {
  uid: string;
  instanceUid: string;
  state: BindingState;
  externalName: string;
  deliveryCluster: string | null;
  deliveryNamespace: string | null;
  busy: boolean;
  expired: boolean;
  settled: boolean;
}

export const bindingColumns = `b.uid, b.instance_uid as "instanceUid", b.state, b.external_name as "externalName",
  b.delivery_cluster as "deliveryCluster", b.delivery_namespace as "deliveryNamespace",
  coalesce(b.expires_at <= clock_timestamp(), false) as expired, ${busyBinding} as busy`;

export function toBinding({ deliveryCluster, deliveryNamespace, ...row }: BindingRow): SweptBinding {
  return deliveryCluster === null || deliveryNamespace === null
    ? row
    : { ...row, delivery: { cluster: deliveryCluster, namespace: deliveryNamespace } };
}

export async function clustersInUse(session: Session): Promise<string[]> {
  const rows = await query<{ cluster: string }>(
    session,
    `select cluster from service_instances where state <> 'deprovisioned'
     union select delivery_cluster from service_bindings where state <> 'unbound' and delivery_cluster is not null
     union select cluster from inventory where cluster <> :noCluster
     order by 1`,
    { noCluster },
  );
  return rows.map(({ cluster }) => cluster);
}

/** Run it in a transaction of its own: all of it is as of one moment. */
export async function rowsOf(session: Session, cluster: string): Promise<ClusterRows> {
  await query(session, 'set transaction isolation level repeatable read read only');
  const instances = await query<SweptInstance>(
    session,
    `select ${instanceColumns}, false as settled from service_instances i where i.state <> 'deprovisioned'`,
  );
  const bindings = await query<BindingRow>(
    session,
    `select ${bindingColumns}, false as settled from service_bindings b where b.state <> 'unbound'`,
  );
  const items = await query<SweptItem & { objectUid: string | null }>(
    session,
    `select instance_uid as "instanceUid", api_version as "apiVersion", kind, namespace, name,
            resource_id as "resourceId", object_uid as "objectUid"
     from inventory where cluster = :cluster`,
    { cluster },
  );
  return {
    instances,
    bindings: bindings.map(toBinding),
    items: items.map(({ objectUid, ...item }) => (objectUid === null ? item : { ...item, objectUid })),
  };
}

export async function findTombstones(
  session: Session,
  uids: { instances: readonly string[]; bindings: readonly string[] },
  settleSeconds: number,
): Promise<Tombstones> {
  const instances = await query<SweptInstance>(
    session,
    `select ${instanceColumns}, ${unchangedFor('i')} and not ${busyInstance} as settled
     from service_instances i where i.uid = any (:uids::uuid[]) and i.state = 'deprovisioned'`,
    { uids: uids.instances.filter(isUuid), settleSeconds },
  );
  const bindings = await query<BindingRow>(
    session,
    `select ${bindingColumns}, ${unchangedFor('b')} and not ${busyBinding} as settled
     from service_bindings b where b.uid = any (:uids::uuid[]) and b.state = 'unbound'`,
    { uids: uids.bindings.filter(isUuid), settleSeconds },
  );
  return { instances, bindings: bindings.map(toBinding) };
}

export async function unsweptInstances(
  session: Session,
  cluster: string,
  settleSeconds: number,
): Promise<string[]> {
  const rows = await query<{ uid: string }>(
    session,
    `select i.uid from service_instances i
     where i.state = 'deprovisioned' and i.swept_at is null and i.cluster = :cluster
       and ${unchangedFor('i')} and not ${busyInstance}
     order by i.updated_at limit 1000`,
    { cluster, settleSeconds },
  );
  return rows.map(({ uid }) => uid);
}

export async function noteInstancesSwept(session: Session, uids: readonly string[]): Promise<void> {
  await query(
    session,
    'update service_instances set swept_at = clock_timestamp() where uid = any (:uids::uuid[])',
    { uids: [...uids] },
  );
  // Only through an operation can a binding be held and be looked at by itself; an adopted one may have none.
  await query(
    session,
    `update service_bindings b set swept_at = clock_timestamp()
     where b.instance_uid = any (:uids::uuid[]) and b.state = 'unbound' and b.swept_at is null
       and not exists (select 1 from operations o where o.binding_uid = b.uid)`,
    { uids: [...uids] },
  );
}
