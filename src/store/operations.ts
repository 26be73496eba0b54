import { randomUUID } from 'node:crypto';
import type { Diagnosis } from '../domain/diagnosis.ts';
import { ChandlerError, type ErrorCode, type InstanceAftermath } from '../domain/errors.ts';
import type {
  Operation,
  OperationState,
  OperationType,
  UpdateFailure,
  UpdateTarget,
} from '../domain/operation.ts';
import { Redacted } from '../lib/redacted.ts';
import { keyIdOf } from '../lib/sealed.ts';
import { lockInstanceRows } from './instances.ts';
import { announceDue, announceFinished, announceWake } from './notifications.ts';
import { sealJson, unsealJson } from './sealed-json.ts';
import { isUuid, query, type Session, storableText } from './session.ts';
import {
  LeaseLost,
  type NewOperation,
  type OperationClaim,
  type OperationOutcome,
  type WaitFinding,
} from './types.ts';

const table = 'operations';

export interface OperationRow {
  uid: string;
  type: OperationType;
  state: OperationState;
  instance_uid: string;
  binding_uid: string | null;
  description: string;
  error_code: ErrorCode | null;
  instance_usable: boolean | null;
  update_repeatable: boolean | null;
  plan_revision: string;
  details: {
    applied?: string[];
    failure?: UpdateFailure;
    diagnosis?: Diagnosis;
    withEmptyVolumes?: true;
    adopts?: true;
  };
  fence: number;
  attempts: number;
  deadline: Date;
  created_at: Date;
  finished_at: Date | null;
}

export function toOperation(row: OperationRow): Operation {
  return {
    uid: row.uid,
    type: row.type,
    state: row.state,
    instanceUid: row.instance_uid,
    ...(row.binding_uid === null ? {} : { bindingUid: row.binding_uid }),
    description: row.description,
    ...(row.error_code === null ? {} : { errorCode: row.error_code }),
    ...(row.instance_usable === null ? {} : { instanceUsable: row.instance_usable }),
    ...(row.update_repeatable === null ? {} : { updateRepeatable: row.update_repeatable }),
    planRevision: row.plan_revision,
    ...(row.details.diagnosis === undefined ? {} : { diagnosis: row.details.diagnosis }),
    appliedResources: row.details.applied ?? [],
    ...(row.details.failure === undefined ? {} : { failure: row.details.failure }),
    ...(row.details.withEmptyVolumes === undefined ? {} : { withEmptyVolumes: true }),
    ...(row.details.adopts === undefined ? {} : { adopts: true }),
    fence: row.fence,
    attempts: row.attempts,
    deadline: row.deadline,
    createdAt: row.created_at,
    ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
  };
}

async function list(session: Session, condition: string, uid: string): Promise<Operation[]> {
  if (!isUuid(uid)) return [];
  const rows = await query<OperationRow>(session, `select * from ${table} where ${condition}`, { uid });
  return rows.map(toOperation);
}

export async function findOperation(session: Session, uid: string): Promise<Operation | undefined> {
  return (await list(session, 'uid = :uid', uid))[0];
}

export async function findUpdateTarget(
  session: Session,
  operationUid: string,
): Promise<Redacted<UpdateTarget> | undefined> {
  if (!isUuid(operationUid)) return undefined;
  const [row] = await query<{ data_key: string; target_sealed: string }>(
    session,
    `select data_key, target_sealed from ${table} where uid = :operationUid and target_sealed is not null`,
    { operationUid },
  );
  if (row === undefined) return undefined;
  const seal = session.keys.openSeal(row.data_key, table, operationUid);
  return new Redacted(unsealJson<UpdateTarget>(seal, 'target', row.target_sealed));
}

export async function latestInstanceOperation(session: Session, uid: string) {
  return (
    await list(
      session,
      `instance_uid = :uid and binding_uid is null and type <> 'repair' order by position desc limit 1`,
      uid,
    )
  )[0];
}

export async function latestBindingOperation(session: Session, uid: string) {
  return (
    await list(session, `binding_uid = :uid and type <> 'repair' order by position desc limit 1`, uid)
  )[0];
}

export async function latestSuccess(session: Session, instanceUid: string, bindingUid?: string) {
  const of = bindingUid === undefined ? 'instance_uid = :uid and binding_uid is null' : 'binding_uid = :uid';
  const latest = `${of} and state = 'succeeded' order by position desc limit 1`;
  return (await list(session, latest, bindingUid ?? instanceUid))[0];
}

export async function activeInstanceOperation(session: Session, uid: string) {
  return (
    await list(session, `instance_uid = :uid and binding_uid is null and state = 'in progress'`, uid)
  )[0];
}

export async function activeBindingOperation(session: Session, uid: string) {
  return (await list(session, `binding_uid = :uid and state = 'in progress'`, uid))[0];
}

export function activeBindingOperations(session: Session, instanceUid: string): Promise<Operation[]> {
  return list(
    session,
    `instance_uid = :uid and binding_uid is not null and state = 'in progress' order by position`,
    instanceUid,
  );
}

/** Made under the plan revision that its instance has now, or that the update gives it. */
export async function enqueueOperation(session: Session, operation: NewOperation): Promise<Operation> {
  // With the lock, a sighting of an object that commits later finds this operation and wakes it.
  await lockInstanceRows(session, [operation.instanceUid]);
  const uid = randomUUID();
  const { originatingIdentity, update } = operation;
  const seal =
    originatingIdentity === undefined && update === undefined
      ? undefined
      : session.keys.createSeal(table, uid);
  const [row] = await query<OperationRow>(
    session,
    `insert into ${table} (uid, type, instance_uid, binding_uid, plan_revision, description, details, deadline, cluster,
                           tenant, key_id, data_key, originating_identity_sealed, target_sealed)
     select :uid, :type, uid, :bindingUid, coalesce(:planRevision, plan_revision), :description, :details,
            clock_timestamp() + :timeoutSeconds * interval '1 second', cluster,
            hashtextextended(jsonb_build_array(platform, organization_guid, space_guid, context_namespace)::text, 0),
            :keyId, :dataKey, :identity, :target
     from service_instances where uid = :instanceUid
     returning *`,
    {
      uid,
      type: operation.type,
      instanceUid: operation.instanceUid,
      bindingUid: operation.bindingUid ?? null,
      planRevision: update?.planRevision ?? null,
      description: storableText(operation.description),
      details: JSON.stringify({
        ...(operation.withEmptyVolumes === true ? { withEmptyVolumes: true } : {}),
        ...(operation.adopts === true ? { adopts: true } : {}),
      }),
      timeoutSeconds: operation.timeoutSeconds,
      keyId: seal ? keyIdOf(seal.wrappedKey) : null,
      dataKey: seal?.wrappedKey ?? null,
      identity:
        seal && originatingIdentity ? sealJson(seal, 'originating_identity', originatingIdentity) : null,
      target: seal && update ? sealJson(seal, 'target', update.target) : null,
    },
  );
  if (row === undefined) {
    throw new ChandlerError('Internal', {
      cause: new Error(`an operation needs its instance, and there is no row ${operation.instanceUid}`),
    });
  }
  await announceWake(session);
  return toOperation(row);
}

/**
 * The fence voids the late worker's rows at once, but not an effect that is on its way: so the lease stays, and what
 * follows on the same resource waits until the worker gives it up (giveUp) or it ends.
 */
export async function cancelOperation(
  session: Session,
  uid: string,
  description: string,
  { instanceUsable, updateRepeatable }: InstanceAftermath = {},
): Promise<void> {
  const operation = await findOperation(session, uid);
  if (operation === undefined) return;
  await lockInstanceRows(session, [operation.instanceUid]);
  const cancelled = await query(
    session,
    `update ${table}
     set state = 'failed', error_code = :errorCode, description = :description, fence = fence + 1,
         instance_usable = :instanceUsable, update_repeatable = :updateRepeatable, finished_at = clock_timestamp()
     where uid = :uid and state = 'in progress'
     returning uid`,
    {
      uid,
      description: storableText(description),
      errorCode: 'Cancelled' satisfies ErrorCode,
      instanceUsable: instanceUsable ?? null,
      updateRepeatable: updateRepeatable ?? null,
    },
  );
  if (cancelled.length > 0) await announceFinished(session, uid);
}

/** The condition under which a worker's write counts: its fence is the newest and its lease lives. */
export const held = `uid = :uid and fence = :fence and lease_owner = :owner and state = 'in progress'
  and lease_until > clock_timestamp()`;

export function holdOf(claim: OperationClaim) {
  return { uid: claim.operation.uid, fence: claim.fence, owner: claim.owner };
}

/** Locks the instance's row first: see {@link lockInstanceRows}. @throws LeaseLost */
export async function assertHeld(session: Session, claim: OperationClaim): Promise<void> {
  await lockInstanceRows(session, [claim.operation.instanceUid]);
  const rows = await query(session, `select 1 from ${table} where ${held} for no key update`, holdOf(claim));
  if (rows.length === 0) throw new LeaseLost(`operation ${claim.operation.uid} is no longer held`);
}

/** What the details become by a finding; `since` stays while the trouble does. */
export const withFinding = `(details - '{diagnosis,since,lookedAt}'::text[]) || jsonb_strip_nulls(jsonb_build_object(
  'diagnosis', :diagnosis::jsonb,
  'since', case when :diagnosis::jsonb is null then null
                when details -> 'diagnosis' ->> 'cause' = :diagnosis::jsonb ->> 'cause'
                 and details -> 'diagnosis' ->> 'subject' = :diagnosis::jsonb ->> 'subject'
                 and details -> 'since' is not null then details -> 'since'
                else to_jsonb(clock_timestamp()) end,
  'lookedAt', case when :looked then to_jsonb(clock_timestamp()) else details -> 'lookedAt' end))`;

/** Postgres takes neither U+0000 nor half a character into JSON. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? storableText(value).toWellFormed() : value;
}

export function findingValues({ diagnosis, looked }: WaitFinding) {
  return {
    diagnosis: diagnosis === undefined ? null : JSON.stringify(diagnosis, storable),
    looked,
  };
}

/** @throws LeaseLost */
export async function finishOperation(
  session: Session,
  claim: OperationClaim,
  outcome: OperationOutcome,
): Promise<void> {
  const failure = outcome.state === 'failed' ? outcome : undefined;
  const { instanceUsable, updateRepeatable, diagnosis } = failure ?? {};
  const finished = await query(
    session,
    `update ${table}
     set state = :state, description = :description, error_code = :errorCode, attempts = 0,
         instance_usable = :instanceUsable, update_repeatable = :updateRepeatable, takeovers = 0,
         lease_owner = null, lease_until = null, finished_at = clock_timestamp(),
         details = ${withFinding}
     where ${held}
     returning uid`,
    {
      ...holdOf(claim),
      state: outcome.state,
      description: storableText(outcome.description),
      errorCode: failure?.errorCode ?? null,
      instanceUsable: instanceUsable ?? null,
      updateRepeatable: updateRepeatable ?? null,
      ...findingValues({ looked: false, ...(diagnosis === undefined ? {} : { diagnosis }) }),
    },
  );
  if (finished.length === 0) throw new LeaseLost(`operation ${claim.operation.uid} is no longer held`);
  await announceFinished(session, claim.operation.uid);
  await announceDue(session);
}

/** From here on the update brings back the version before, with as much time as it had. */
export async function beginRestoring(
  session: Session,
  claim: OperationClaim,
  failure: UpdateFailure,
  timeoutSeconds: number,
): Promise<void> {
  const begun = await query(
    session,
    `update ${table}
     set details = jsonb_set(details - '{applied,diagnosis,since,lookedAt}'::text[], '{failure}', :failure::jsonb),
         deadline = clock_timestamp() + :timeoutSeconds * interval '1 second'
     where ${held}
     returning uid`,
    { ...holdOf(claim), failure: JSON.stringify(failure, storable), timeoutSeconds },
  );
  if (begun.length === 0) throw new LeaseLost(`operation ${claim.operation.uid} is no longer held`);
}

/** A step was recorded that need not be done again: whatever ended earlier workers, the operation gets on. */
export async function recordProgress(session: Session, claim: OperationClaim): Promise<void> {
  if (claim.takeovers === 0) return;
  await query(session, `update ${table} set takeovers = 0 where ${held}`, holdOf(claim));
}

/** A resource that is noted already stays noted once. */
export async function recordAppliedResource(
  session: Session,
  operationUid: string,
  resourceId: string,
): Promise<void> {
  const applied = `coalesce(details -> 'applied', '[]'::jsonb)`;
  await query(
    session,
    `update ${table}
     set details = jsonb_set(details, '{applied}', ${applied} || to_jsonb(:resourceId::text))
     where uid = :operationUid and not ${applied} @> to_jsonb(:resourceId::text)`,
    { operationUid, resourceId },
  );
}

/** Makes every operation in progress on these instances, and on their bindings, due now; also those being worked on. */
export async function wakeInstances(session: Session, instanceUids: readonly string[]): Promise<void> {
  const uids = instanceUids.filter(isUuid);
  if (uids.length === 0) return;
  await lockInstanceRows(session, uids);
  const woken = await query(
    session,
    `update ${table} set wakes = wakes + 1, run_at = least(run_at, clock_timestamp())
     where instance_uid = any (:uids::uuid[]) and state = 'in progress'
     returning uid`,
    { uids },
  );
  if (woken.length > 0) await announceWake(session);
}
