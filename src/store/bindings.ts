import { randomUUID } from 'node:crypto';
import type { BindingAttachments, BindingKey, BindingState, ServiceBinding } from '../domain/binding.ts';
import type { JsonObject } from '../lib/json.ts';
import { bindingName } from '../lib/names.ts';
import { Redacted } from '../lib/redacted.ts';
import { keyIdOf } from '../lib/sealed.ts';
import { lockSeal, sealJson, unsealJson } from './sealed-json.ts';
import { isUuid, query, type Session } from './session.ts';
import type { AdoptedBinding, NewBinding } from './types.ts';

const table = 'service_bindings';

interface BindingRow {
  uid: string;
  platform: string;
  instance_id: string;
  binding_id: string;
  instance_uid: string;
  incarnation: number;
  service_id: string;
  plan_id: string;
  state: BindingState;
  app_guid: string | null;
  external_name: string;
  delivery_cluster: string | null;
  delivery_namespace: string | null;
  data_key: string;
  context_sealed: string;
  parameters_sealed: string;
  password_sealed: string;
  credentials_sealed: string | null;
  attachments_sealed: string | null;
  predecessor_binding_id: string | null;
  expires_at: Date | null;
  renew_before: Date | null;
  adopted: boolean;
  created_at: Date;
  updated_at: Date;
}

function toBinding(session: Session, row: BindingRow): ServiceBinding {
  const seal = session.keys.openSeal(row.data_key, table, row.uid);
  const { delivery_cluster: cluster, delivery_namespace: namespace } = row;
  return {
    uid: row.uid,
    platform: row.platform,
    instanceId: row.instance_id,
    bindingId: row.binding_id,
    instanceUid: row.instance_uid,
    incarnation: row.incarnation,
    serviceId: row.service_id,
    planId: row.plan_id,
    state: row.state,
    ...(row.app_guid === null ? {} : { appGuid: row.app_guid }),
    context: unsealJson(seal, 'context', row.context_sealed),
    parameters: unsealJson(seal, 'parameters', row.parameters_sealed),
    externalName: row.external_name,
    password: new Redacted(seal.unseal('password', row.password_sealed)),
    ...(row.credentials_sealed === null
      ? {}
      : { credentials: new Redacted(unsealJson(seal, 'credentials', row.credentials_sealed)) }),
    ...(row.attachments_sealed === null
      ? {}
      : {
          attachments: new Redacted(
            unsealJson<BindingAttachments>(seal, 'attachments', row.attachments_sealed),
          ),
        }),
    ...(row.predecessor_binding_id === null ? {} : { predecessorBindingId: row.predecessor_binding_id }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.renew_before === null ? {} : { renewBefore: row.renew_before }),
    ...(cluster === null || namespace === null ? {} : { delivery: { cluster, namespace } }),
    ...(row.adopted ? { adopted: true } : {}),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

async function findOne(session: Session, condition: string, bindings: Record<string, string>) {
  const [row] = await query<BindingRow>(session, `select * from ${table} where ${condition}`, bindings);
  return row === undefined ? undefined : toBinding(session, row);
}

const byKey = 'platform = :platform and instance_id = :instanceId and binding_id = :bindingId';
const live = `state <> 'unbound'`;

export function findBinding(session: Session, key: BindingKey): Promise<ServiceBinding | undefined> {
  return findOne(session, `${byKey} and ${live}`, { ...key });
}

export function findBindingOrTombstone(session: Session, key: BindingKey) {
  return findOne(session, `${byKey} order by incarnation desc limit 1`, { ...key });
}

export async function findBindingByUid(session: Session, uid: string) {
  return isUuid(uid) ? findOne(session, 'uid = :uid', { uid }) : undefined;
}

export async function listBindings(session: Session, instanceUid: string): Promise<ServiceBinding[]> {
  if (!isUuid(instanceUid)) return [];
  const rows = await query<BindingRow>(
    session,
    `select * from ${table} where instance_uid = :instanceUid and ${live} order by created_at, uid`,
    { instanceUid },
  );
  return rows.map((row) => toBinding(session, row));
}

/** What a new row is called, and what it begins as. */
type RowIdentity = Pick<ServiceBinding, 'uid' | 'incarnation' | 'externalName' | 'state' | 'adopted'>;

export async function insertBinding(session: Session, binding: NewBinding): Promise<ServiceBinding> {
  const [previous] = await query<{ incarnation: number }>(
    session,
    `select incarnation from ${table} where platform = :platform and binding_id = :bindingId
     order by incarnation desc limit 1`,
    { platform: binding.platform, bindingId: binding.bindingId },
  );
  const incarnation = (previous?.incarnation ?? 0) + 1;
  const externalName = bindingName({
    installationId: session.installationId,
    platform: binding.platform,
    osbId: binding.bindingId,
    incarnation,
  });
  return insertRow(session, binding, { uid: randomUUID(), incarnation, externalName, state: 'binding' });
}

/** Writes the row of a binding that exists outside and has none. */
export function insertAdoptedBinding(session: Session, binding: AdoptedBinding): Promise<ServiceBinding> {
  return insertRow(session, binding, { ...binding, adopted: true });
}

async function insertRow(
  session: Session,
  binding: NewBinding,
  { uid, incarnation, externalName, state, adopted }: RowIdentity,
): Promise<ServiceBinding> {
  const seal = session.keys.createSeal(table, uid);
  const rows: BindingRow[] = await session
    .db(table)
    .insert({
      uid,
      platform: binding.platform,
      instance_id: binding.instanceId,
      binding_id: binding.bindingId,
      instance_uid: binding.instanceUid,
      incarnation,
      service_id: binding.serviceId,
      plan_id: binding.planId,
      state,
      app_guid: binding.appGuid ?? null,
      predecessor_binding_id: binding.predecessorBindingId ?? null,
      ...expiry(session, binding),
      external_name: externalName,
      adopted: adopted === true,
      delivery_cluster: binding.delivery?.cluster ?? null,
      delivery_namespace: binding.delivery?.namespace ?? null,
      key_id: keyIdOf(seal.wrappedKey),
      data_key: seal.wrappedKey,
      context_sealed: sealJson(seal, 'context', binding.context),
      parameters_sealed: sealJson(seal, 'parameters', binding.parameters),
      password_sealed: seal.seal('password', binding.password.reveal()),
    })
    .returning('*');
  return toBinding(session, rows[0] as BindingRow);
}

/** One instant of Postgres for both, so that the order of the two is never in doubt. */
function expiry({ db }: Session, { lifetimeSeconds, renewBeforeSeconds }: NewBinding) {
  if (lifetimeSeconds === undefined) return {};
  const after = (seconds: number) => db.raw(`statement_timestamp() + ? * interval '1 second'`, [seconds]);
  return {
    expires_at: after(lifetimeSeconds),
    ...(renewBeforeSeconds === undefined
      ? {}
      : { renew_before: after(lifetimeSeconds - renewBeforeSeconds) }),
  };
}

export async function setBindingState(session: Session, uid: string, state: BindingState): Promise<void> {
  await session
    .db(table)
    .where({ uid })
    .update({ state, updated_at: session.db.raw('clock_timestamp()') });
}

export async function setBindingCredentials(
  session: Session,
  uid: string,
  credentials: Redacted<JsonObject>,
  attachments?: Redacted<BindingAttachments>,
): Promise<void> {
  const seal = await lockSeal(session, table, uid);
  if (seal === undefined) return;
  await session
    .db(table)
    .where({ uid })
    .update({
      credentials_sealed: sealJson(seal, 'credentials', credentials.reveal()),
      attachments_sealed:
        attachments === undefined ? null : sealJson(seal, 'attachments', attachments.reveal()),
      updated_at: session.db.raw('clock_timestamp()'),
    });
}
