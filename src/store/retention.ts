/**
 * What rows become when they are old. The newest row of each OSB id stays for ever, since the names of its objects
 * would otherwise be made again; what it sealed goes. Everything is counted by the clock of Postgres.
 */
import type { BindingState } from '../domain/binding.ts';
import type { InstanceState } from '../domain/instance.ts';
import { keyIdOf, type RowSeal } from '../lib/sealed.ts';
import { sealJson } from './sealed-json.ts';
import { query, type Session } from './session.ts';
import type { Retired } from './sweep-types.ts';
import { busyBinding, busyInstance } from './sweeps.ts';

const cutoff = `clock_timestamp() - :days * interval '1 day'`;

interface Limits {
  days: number;
  limit: number;
}

/** The rows that become tombstones, of one kind. */
interface Owners {
  table: 'service_instances' | 'service_bindings';
  /** How other tables refer to them. */
  reference: 'instance_uid' | 'binding_uid';
  /** The state of a tombstone. */
  over: InstanceState | BindingState;
  /** By column, without its ending `_sealed`. */
  sealNothing(seal: RowSeal): Record<string, string>;
  /** What else says something. */
  cleared: string;
}

const instances: Owners = {
  table: 'service_instances',
  reference: 'instance_uid',
  over: 'deprovisioned',
  sealNothing: (seal) => ({
    context: sealJson(seal, 'context', {}),
    parameters: sealJson(seal, 'parameters', {}),
    generated: sealJson(seal, 'generated', {}),
  }),
  cleared: "outputs = '{}', dashboard_url = null",
};

const bindings: Owners = {
  table: 'service_bindings',
  reference: 'binding_uid',
  over: 'unbound',
  sealNothing: (seal) => ({
    context: sealJson(seal, 'context', {}),
    parameters: sealJson(seal, 'parameters', {}),
    password: seal.seal('password', ''),
  }),
  cleared: 'credentials_sealed = null, attachments_sealed = null',
};

/** One batch of each. Run it in a transaction. */
export async function retire(session: Session, days: number, limit: number): Promise<Retired> {
  const limits = { days, limit };
  return {
    operations: await retireOperations(session, limits),
    tombstones: (await retireBindings(session, limits)) + (await retireInstances(session, limits)),
    emptied: (await empty(session, bindings, limits)) + (await empty(session, instances, limits)),
    observed: await forgetObserved(session, limits),
  };
}

/** The newest of each instance and each binding stays: last_operation tells of it, and of repairs it tells nothing. */
async function retireOperations(session: Session, limits: Limits): Promise<number> {
  const deleted = await query(
    session,
    `delete from operations where uid in (
       select o.uid from operations o
       where o.state <> 'in progress' and o.finished_at < ${cutoff}
         and (o.lease_until is null or o.lease_until <= clock_timestamp())
         and case when o.binding_uid is null
             then exists (select 1 from operations newer where newer.instance_uid = o.instance_uid
                          and newer.binding_uid is null and newer.position > o.position
                          and (o.type = 'repair' or newer.type <> 'repair'))
             else exists (select 1 from operations newer where newer.binding_uid = o.binding_uid
                          and newer.position > o.position) end
       limit :limit for update skip locked)
     returning uid`,
    { ...limits },
  );
  return deleted.length;
}

async function retireBindings(session: Session, limits: Limits): Promise<number> {
  const uids = await uidsOf(
    session,
    `select b.uid from service_bindings b
     where b.state = 'unbound' and b.updated_at < ${cutoff} and not ${busyBinding}
       and exists (select 1 from service_bindings newer where newer.platform = b.platform
                   and newer.binding_id = b.binding_id and newer.incarnation > b.incarnation)
     limit :limit for update skip locked`,
    limits,
  );
  return deleteRows(session, bindings, uids);
}

/** Not while a binding of it stays as the newest of its id. */
async function retireInstances(session: Session, limits: Limits): Promise<number> {
  const uids = await uidsOf(
    session,
    `select i.uid from service_instances i
     where i.state = 'deprovisioned' and i.updated_at < ${cutoff} and not ${busyInstance}
       and exists (select 1 from service_instances newer where newer.platform = i.platform
                   and newer.instance_id = i.instance_id and newer.incarnation > i.incarnation)
       and not exists (select 1 from service_bindings b where b.instance_uid = i.uid)
     limit :limit for update skip locked`,
    limits,
  );
  return deleteRows(session, instances, uids);
}

/** The rows, and first what refers to them. */
async function deleteRows(session: Session, { table, reference }: Owners, uids: string[]): Promise<number> {
  const these = 'any (:uids::uuid[])';
  await query(session, `delete from operations where ${reference} = ${these}`, { uids });
  await query(session, `delete from inventory where ${reference} = ${these}`, { uids });
  await query(session, `delete from ${table} where uid = ${these}`, { uids });
  return uids.length;
}

/** Replaces what tombstones sealed by nothing, under a new data key, and forgets who asked. */
async function empty(session: Session, owners: Owners, limits: Limits): Promise<number> {
  const { table, reference, over, cleared } = owners;
  const uids = await uidsOf(
    session,
    `select uid from ${table} where state = '${over}' and emptied_at is null and updated_at < ${cutoff}
     limit :limit for no key update skip locked`,
    limits,
  );
  for (const uid of uids) {
    const seal = session.keys.createSeal(table, uid);
    const sealed = owners.sealNothing(seal);
    const columns = Object.keys(sealed).map((column) => `${column}_sealed = :${column}`);
    await query(
      session,
      `update ${table} set key_id = :keyId, data_key = :dataKey, ${columns.join(', ')}, ${cleared},
              emptied_at = clock_timestamp()
       where uid = :uid`,
      { uid, keyId: keyIdOf(seal.wrappedKey), dataKey: seal.wrappedKey, ...sealed },
    );
  }
  await forgetIdentities(session, reference, uids);
  return uids.length;
}

/** Who asked for the operations of a tombstone. */
async function forgetIdentities(
  session: Session,
  column: Owners['reference'],
  uids: readonly string[],
): Promise<void> {
  await query(
    session,
    `update operations set originating_identity_sealed = null
     where ${column} = any (:uids::uuid[]) and originating_identity_sealed is not null and state <> 'in progress'`,
    { uids: [...uids] },
  );
}

/** Sightings of objects that went, and of those whose instance did or never was. */
async function forgetObserved(session: Session, limits: Limits): Promise<number> {
  const deleted = await query(
    session,
    `delete from observed_objects where (cluster, uid) in (
       select seen.cluster, seen.uid from observed_objects seen
       where seen.gone_at < clock_timestamp() - interval '10 minutes'
          or seen.observed_at < ${cutoff} and not exists (
               select 1 from service_instances i
               where i.uid::text = seen.instance_uid and i.state <> 'deprovisioned')
       limit :limit)
     returning uid`,
    { ...limits },
  );
  return deleted.length;
}

async function uidsOf(session: Session, sql: string, limits: Limits): Promise<string[]> {
  return (await query<{ uid: string }>(session, sql, { ...limits })).map(({ uid }) => uid);
}
