/**
 * The last known state of objects in clusters. Written by the elected watcher of a cluster alone: every write checks
 * its lease, so that a watcher that was deposed while it stood still cannot bring back what its successor saw go.
 *
 * - An object that is no newer than what is known (`resourceVersion`, compared as a number when both are digits)
 *   changes nothing and wakes nobody.
 * - A deletion is remembered for some minutes, so that an older sighting of the same uid does not bring it back.
 * - Of two objects of one name the one with the newer version lives; the other must be gone.
 * - A relist removes what it does not name, without remembering it: an object made since the list was read is about
 *   to arrive through the watch.
 *
 * A change of what was delivered for a binding has it put back: see delivery-repairs.
 *
 * What changes and what it wakes are one transaction, behind the lock of the instance's row. `enqueueOperation` takes
 * that lock as well, so an operation either sees the change at its first tick or is woken by it.
 */
import type { JsonObject } from '../lib/json.ts';
import { isJsonObject } from '../lib/json.ts';
import { repairDeliveries } from './delivery-repairs.ts';
import { lockInstanceRows } from './instances.ts';
import { newerVersion } from './observed-versions.ts';
import { wakeInstances } from './operations.ts';
import { query, type Session } from './session.ts';
import { LeaseLost, type ObservedObject, type WatcherHold } from './types.ts';

interface ObservedRow {
  cluster: string;
  uid: string;
  instance_uid: string;
  binding_uid: string | null;
  api_version: string;
  kind: string;
  namespace: string;
  name: string;
  object: JsonObject;
}

export async function listObserved(session: Session, instanceUid: string): Promise<ObservedObject[]> {
  const rows = await query<ObservedRow>(
    session,
    `select * from observed_objects where instance_uid = :instanceUid and gone_at is null
     order by cluster, api_version, kind, namespace, name`,
    { instanceUid },
  );
  return rows.map((row) => ({
    cluster: row.cluster,
    instanceUid: row.instance_uid,
    ...(row.binding_uid === null ? {} : { bindingUid: row.binding_uid }),
    apiVersion: row.api_version,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    uid: row.uid,
    object: row.object,
  }));
}

function resourceVersionOf(object: JsonObject): string {
  const version = isJsonObject(object.metadata) ? object.metadata.resourceVersion : undefined;
  return typeof version === 'string' ? version : '';
}

/** The objects as columns; `json` text goes through arrays, since recordsets refuse U+0000. */
function toColumns(cluster: string, objects: readonly ObservedObject[], texts = true) {
  return {
    cluster,
    uids: objects.map((object) => object.uid),
    instanceUids: objects.map((object) => object.instanceUid),
    bindingUids: objects.map((object) => object.bindingUid ?? null),
    apiVersions: objects.map((object) => object.apiVersion),
    kinds: objects.map((object) => object.kind),
    namespaces: objects.map((object) => object.namespace),
    names: objects.map((object) => object.name),
    versions: objects.map((object) => resourceVersionOf(object.object)),
    objects: objects.map((object) => (texts ? JSON.stringify(object.object) : '{}')),
  };
}

const incoming = `unnest(:uids::text[], :instanceUids::text[], :bindingUids::text[], :apiVersions::text[],
  :kinds::text[], :namespaces::text[], :names::text[], :versions::text[], :objects::text[])
  as incoming (uid, instance_uid, binding_uid, api_version, kind, namespace, name, resource_version, object)`;

const sameName = `known.cluster = :cluster and known.api_version = incoming.api_version
  and known.kind = incoming.kind and known.namespace = incoming.namespace and known.name = incoming.name
  and known.uid <> incoming.uid`;

/** Those of `objects` that are news. */
async function selectNews(session: Session, cluster: string, objects: readonly ObservedObject[]) {
  const rows = await query<{ uid: string }>(
    session,
    `select incoming.uid from ${incoming}
     where not exists (
       select 1 from observed_objects known
       where known.cluster = :cluster and known.uid = incoming.uid
         and not ${newerVersion('incoming.resource_version', 'known.resource_version')})
     and not exists (
       select 1 from observed_objects known
       where ${sameName} and ${newerVersion('known.resource_version', 'incoming.resource_version')}
         and known.resource_version ~ '^[0-9]+$')`,
    toColumns(cluster, objects, false),
  );
  const uids = new Set(rows.map((row) => row.uid));
  return objects.filter((object) => uids.has(object.uid));
}

/** Writes what is news, and gives the instances it concerns. The instances' rows are locked already. */
async function upsert(session: Session, cluster: string, objects: readonly ObservedObject[]) {
  const columns = toColumns(cluster, objects);
  const replaced = await query<{ instance_uid: string }>(
    session,
    `delete from observed_objects known using ${incoming} where ${sameName} and known.gone_at is null
     returning known.instance_uid`,
    columns,
  );
  const written = await query<{ instance_uid: string }>(
    session,
    `insert into observed_objects as known
       (cluster, uid, instance_uid, binding_uid, api_version, kind, namespace, name, resource_version, object)
     select :cluster, uid, instance_uid, binding_uid, api_version, kind, namespace, name, resource_version,
            object::json
     from ${incoming}
     on conflict (cluster, uid) do update
     set instance_uid = excluded.instance_uid, binding_uid = excluded.binding_uid,
         api_version = excluded.api_version, kind = excluded.kind, namespace = excluded.namespace,
         name = excluded.name, resource_version = excluded.resource_version, object = excluded.object,
         gone_at = null, observed_at = clock_timestamp()
     where ${newerVersion('excluded.resource_version', 'known.resource_version')}
     returning instance_uid`,
    columns,
  );
  return [...replaced, ...written].map((row) => row.instance_uid);
}

/** The lease row stays locked until the write commits, so nobody can take over in between. @throws LeaseLost */
async function assertWatching(session: Session, { lease, owner }: WatcherHold): Promise<void> {
  const held = await query(
    session,
    'select 1 from leases where name = :lease and owner = :owner and expires_at > clock_timestamp() for share',
    { lease, owner },
  );
  if (held.length === 0) throw new LeaseLost(`the lease ${lease} is not held`);
}

/** Locks, looks again, writes, wakes. A first look without locks spares unchanged objects all of it. */
async function write(
  session: Session,
  watcher: WatcherHold,
  objects: readonly ObservedObject[],
  gone: readonly { uid: string; instance_uid: string; binding_uid: string | null }[],
): Promise<void> {
  const { cluster } = watcher;
  const distinct = [...new Map(objects.map((object) => [object.uid, object])).values()];
  const firstLook = await selectNews(session, cluster, distinct);
  const concerned = [
    ...firstLook.map((object) => object.instanceUid),
    ...gone.map((object) => object.instance_uid),
  ];
  if (concerned.length === 0) return;
  await assertWatching(session, watcher);
  await lockInstanceRows(session, [...new Set(concerned)]);
  const changed = await upsert(session, cluster, await selectNews(session, cluster, firstLook));
  const removed = await query<{ instance_uid: string }>(
    session,
    'delete from observed_objects where cluster = :cluster and uid = any (:uids::text[]) returning instance_uid',
    { cluster, uids: gone.map((object) => object.uid) },
  );
  await wakeInstances(session, [...new Set([...changed, ...removed.map((row) => row.instance_uid)])]);
  await repairDeliveries(
    session,
    [...firstLook.map(({ bindingUid }) => bindingUid), ...gone.map((row) => row.binding_uid)].flatMap(
      (uid) => uid ?? [],
    ),
    gone.map(({ uid }) => uid),
  );
}

export async function observe(session: Session, watcher: WatcherHold, object: ObservedObject): Promise<void> {
  await write(session, watcher, [object], []);
}

export async function observeAll(
  session: Session,
  watcher: WatcherHold,
  kind: { apiVersion: string; kind: string },
  objects: readonly ObservedObject[],
): Promise<void> {
  const gone = await query<{ uid: string; instance_uid: string; binding_uid: string | null }>(
    session,
    `select uid, instance_uid, binding_uid from observed_objects
     where cluster = :cluster and api_version = :apiVersion and kind = :kind and gone_at is null
       and not uid = any (:uids::text[])`,
    {
      cluster: watcher.cluster,
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      uids: objects.map((object) => object.uid),
    },
  );
  await write(session, watcher, objects, gone);
}

export async function observeGone(
  session: Session,
  watcher: WatcherHold,
  object: ObservedObject,
): Promise<void> {
  const { cluster } = watcher;
  await assertWatching(session, watcher);
  await lockInstanceRows(session, [object.instanceUid]);
  const known = await query<{ instance_uid: string }>(
    session,
    `select instance_uid from observed_objects where cluster = :cluster and uid = :uid and gone_at is null
     for update`,
    { cluster, uid: object.uid },
  );
  await query(
    session,
    `insert into observed_objects as known
       (cluster, uid, instance_uid, binding_uid, api_version, kind, namespace, name, resource_version, object, gone_at)
     select :cluster, uid, instance_uid, binding_uid, api_version, kind, namespace, name, resource_version,
            '{}', clock_timestamp()
     from ${incoming}
     on conflict (cluster, uid) do update
     set resource_version = case when ${newerVersion('excluded.resource_version', 'known.resource_version')}
                                 then excluded.resource_version else known.resource_version end,
         object = '{}', gone_at = clock_timestamp()`,
    toColumns(cluster, [object], false),
  );
  await query(
    session,
    `delete from observed_objects where gone_at < clock_timestamp() - interval '10 minutes'`,
  );
  await wakeInstances(
    session,
    known.map((row) => row.instance_uid),
  );
  if (object.bindingUid !== undefined) await repairDeliveries(session, [object.bindingUid]);
}
