import { randomUUID } from 'node:crypto';
import type { GeneratedValues, InstanceKey, InstanceState, ServiceInstance } from '../domain/instance.ts';
import type { UpdateTarget } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import { instanceName } from '../lib/names.ts';
import { Redacted } from '../lib/redacted.ts';
import { keyIdOf } from '../lib/sealed.ts';
import { lockSeal, sealJson, unsealJson } from './sealed-json.ts';
import { isUuid, query, type Session } from './session.ts';
import type { AdoptedInstance, NewInstance } from './types.ts';

const table = 'service_instances';

interface InstanceRow {
  uid: string;
  platform: string;
  instance_id: string;
  incarnation: number;
  service_id: string;
  plan_id: string;
  plan_revision: string;
  state: InstanceState;
  usable: boolean;
  organization_guid: string;
  space_guid: string;
  external_name: string;
  cluster: string;
  namespace: string;
  context_namespace: string | null;
  outputs: JsonObject;
  dashboard_url: string | null;
  data_key: string;
  context_sealed: string;
  parameters_sealed: string;
  generated_sealed: string;
  created_at: Date;
  updated_at: Date;
}

function toInstance(session: Session, row: InstanceRow): ServiceInstance {
  const seal = session.keys.openSeal(row.data_key, table, row.uid);
  return {
    uid: row.uid,
    platform: row.platform,
    instanceId: row.instance_id,
    incarnation: row.incarnation,
    serviceId: row.service_id,
    planId: row.plan_id,
    planRevision: row.plan_revision,
    state: row.state,
    usable: row.usable,
    organizationGuid: row.organization_guid,
    spaceGuid: row.space_guid,
    context: unsealJson(seal, 'context', row.context_sealed),
    parameters: unsealJson(seal, 'parameters', row.parameters_sealed),
    generated: new Redacted(unsealJson<GeneratedValues>(seal, 'generated', row.generated_sealed)),
    externalName: row.external_name,
    cluster: row.cluster,
    namespace: row.namespace,
    ...(row.context_namespace === null ? {} : { contextNamespace: row.context_namespace }),
    outputs: row.outputs,
    ...(row.dashboard_url === null ? {} : { dashboardUrl: row.dashboard_url }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

async function findOne(session: Session, condition: string, bindings: Record<string, string>) {
  const [row] = await query<InstanceRow>(session, `select * from ${table} where ${condition}`, bindings);
  return row === undefined ? undefined : toInstance(session, row);
}

const byKey = 'platform = :platform and instance_id = :instanceId';
const live = `state <> 'deprovisioned'`;
/** Strong enough against every writer, and still lets rows that refer to this one be inserted. */
const locked = 'for no key update';

export function findInstance(session: Session, key: InstanceKey): Promise<ServiceInstance | undefined> {
  return findOne(session, `${byKey} and ${live}`, { ...key });
}

export function findInstanceOrTombstone(session: Session, key: InstanceKey) {
  return findOne(session, `${byKey} order by incarnation desc limit 1`, { ...key });
}

export async function findInstanceByUid(session: Session, uid: string) {
  return isUuid(uid) ? findOne(session, 'uid = :uid', { uid }) : undefined;
}

export function lockInstance(session: Session, key: InstanceKey) {
  return findOne(session, `${byKey} and ${live} ${locked}`, { ...key });
}

export async function lockInstanceByUid(session: Session, uid: string) {
  return isUuid(uid) ? findOne(session, `uid = :uid ${locked}`, { uid }) : undefined;
}

/**
 * Locks the rows of instances. Every transaction takes these locks before it touches bindings or operations of an
 * instance, and several in the order of their uids, so that no two can wait for each other.
 */
export async function lockInstanceRows(session: Session, uids: readonly string[]): Promise<void> {
  await query(session, `select 1 from ${table} where uid = any (:uids::uuid[]) order by uid ${locked}`, {
    uids: uids.filter(isUuid),
  });
}

/** What a new row is called, and what it begins as. */
interface RowIdentity extends Pick<ServiceInstance, 'uid' | 'incarnation' | 'externalName' | 'namespace'> {
  state: InstanceState;
}

export async function insertInstance(session: Session, instance: NewInstance): Promise<ServiceInstance> {
  const [previous] = await query<{ incarnation: number }>(
    session,
    `select incarnation from ${table} where ${byKey} order by incarnation desc limit 1`,
    { platform: instance.platform, instanceId: instance.instanceId },
  );
  const incarnation = (previous?.incarnation ?? 0) + 1;
  const externalName = instanceName({
    installationId: session.installationId,
    platform: instance.platform,
    osbId: instance.instanceId,
    incarnation,
  });
  const uid = randomUUID();
  const state = 'provisioning';
  return insertRow(session, instance, { uid, incarnation, externalName, namespace: externalName, state });
}

/** Writes the row of an instance that exists outside and has none. */
export function insertAdoptedInstance(session: Session, instance: AdoptedInstance): Promise<ServiceInstance> {
  return insertRow(session, instance, instance);
}

async function insertRow(
  session: Session,
  instance: NewInstance,
  { uid, incarnation, externalName, namespace, state }: RowIdentity,
): Promise<ServiceInstance> {
  const seal = session.keys.createSeal(table, uid);
  const rows: InstanceRow[] = await session
    .db(table)
    .insert({
      uid,
      platform: instance.platform,
      instance_id: instance.instanceId,
      incarnation,
      service_id: instance.serviceId,
      plan_id: instance.planId,
      plan_revision: instance.planRevision,
      state,
      organization_guid: instance.organizationGuid,
      space_guid: instance.spaceGuid,
      external_name: externalName,
      cluster: instance.cluster,
      namespace,
      context_namespace: instance.contextNamespace ?? null,
      key_id: keyIdOf(seal.wrappedKey),
      data_key: seal.wrappedKey,
      context_sealed: sealJson(seal, 'context', instance.context),
      parameters_sealed: sealJson(seal, 'parameters', instance.parameters),
      generated_sealed: sealJson(seal, 'generated', instance.generated.reveal()),
    })
    .returning('*');
  return toInstance(session, rows[0] as InstanceRow);
}

/** Writes columns of one row, and when. */
async function update(session: Session, uid: string, columns: Partial<InstanceColumns>): Promise<void> {
  await session
    .db(table)
    .where({ uid })
    .update({ ...columns, updated_at: session.db.raw('clock_timestamp()') });
}

type InstanceColumns = Omit<InstanceRow, 'outputs'> & { outputs: string };

export function setInstanceState(
  session: Session,
  uid: string,
  state: InstanceState,
  usable?: boolean,
): Promise<void> {
  return update(session, uid, { state, ...(usable === undefined ? {} : { usable }) });
}

export function setInstanceOutputs(session: Session, uid: string, outputs: JsonObject): Promise<void> {
  return update(session, uid, { outputs: JSON.stringify(outputs) });
}

export function setDashboardUrl(session: Session, uid: string, dashboardUrl: string): Promise<void> {
  return update(session, uid, { dashboard_url: dashboardUrl });
}

export async function setInstanceContext(session: Session, uid: string, context: JsonObject): Promise<void> {
  const seal = await lockSeal(session, table, uid);
  if (seal === undefined) return;
  await update(session, uid, { context_sealed: sealJson(seal, 'context', context) });
}

export async function applyUpdate(
  session: Session,
  uid: string,
  planRevision: string,
  target: UpdateTarget,
): Promise<void> {
  const seal = await lockSeal(session, table, uid);
  if (seal === undefined) return;
  await update(session, uid, {
    plan_id: target.planId,
    plan_revision: planRevision,
    context_sealed: sealJson(seal, 'context', target.context),
    parameters_sealed: sealJson(seal, 'parameters', target.parameters),
    generated_sealed: sealJson(seal, 'generated', target.generated),
    ...(target.dashboardUrl === undefined ? {} : { dashboard_url: target.dashboardUrl }),
  });
}
