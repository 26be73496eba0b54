import { isUuid, query, type Session, storableText } from './session.ts';
import type { Finding, FindingScope, NewFinding } from './types.ts';

interface FindingRow {
  uid: string;
  kind: Finding['kind'];
  cluster: string;
  api_version: string;
  object_kind: string;
  namespace: string;
  name: string;
  object_uid: string | null;
  instance_uid: string | null;
  binding_uid: string | null;
  detail: string;
  first_seen_at: Date;
  last_seen_at: Date;
  quarantined_at: Date | null;
}

function toFinding(row: FindingRow): Finding {
  return {
    uid: row.uid,
    kind: row.kind,
    cluster: row.cluster,
    apiVersion: row.api_version,
    objectKind: row.object_kind,
    namespace: row.namespace,
    name: row.name,
    ...(row.object_uid === null ? {} : { objectUid: row.object_uid }),
    ...(row.instance_uid === null ? {} : { instanceUid: row.instance_uid }),
    ...(row.binding_uid === null ? {} : { bindingUid: row.binding_uid }),
    detail: row.detail,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    ...(row.quarantined_at === null ? {} : { quarantinedAt: row.quarantined_at }),
  };
}

/** Oldest first. */
export async function listFindings(session: Session): Promise<Finding[]> {
  const rows = await query<FindingRow>(
    session,
    'select * from findings order by first_seen_at, kind, namespace, name',
  );
  return rows.map(toFinding);
}

export async function findFinding(session: Session, uid: string): Promise<Finding | undefined> {
  if (!isUuid(uid)) return undefined;
  const [row] = await query<FindingRow>(session, 'select * from findings where uid = :uid', { uid });
  return row === undefined ? undefined : toFinding(row);
}

/**
 * Writes down what one look found, and forgets what the same look would have found again and did not. An object that
 * was replaced under its name (another uid) counts as seen for the first time.
 */
export async function recordFindings(
  session: Session,
  scope: FindingScope,
  found: readonly NewFinding[],
): Promise<Finding[]> {
  const rows: FindingRow[] = [];
  for (const finding of found) {
    const [row] = await query<FindingRow>(
      session,
      `insert into findings as known
         (kind, cluster, api_version, object_kind, namespace, name, object_uid, instance_uid, binding_uid, detail,
          first_seen_at, last_seen_at)
       values (:kind, :cluster, :apiVersion, :objectKind, :namespace, :name, :objectUid, :instanceUid, :bindingUid, :detail,
               statement_timestamp(), statement_timestamp())
       on conflict on constraint findings_once do update
       set object_uid = excluded.object_uid, instance_uid = excluded.instance_uid, binding_uid = excluded.binding_uid,
           detail = excluded.detail, last_seen_at = statement_timestamp(),
           first_seen_at = case when known.object_uid is distinct from excluded.object_uid then statement_timestamp()
                                else known.first_seen_at end,
           quarantined_at = case when known.object_uid is distinct from excluded.object_uid then null
                                 else known.quarantined_at end
       returning *`,
      {
        kind: finding.kind,
        cluster: finding.cluster,
        apiVersion: finding.apiVersion,
        objectKind: finding.objectKind,
        namespace: finding.namespace,
        name: finding.name,
        objectUid: finding.objectUid ?? null,
        instanceUid: finding.instanceUid ?? null,
        bindingUid: finding.bindingUid ?? null,
        detail: storableText(finding.detail),
      },
    );
    if (row !== undefined) rows.push(row);
  }
  await query(
    session,
    `delete from findings
     where kind = any (:kinds::text[]) and cluster = :cluster
       and (:instanceUids::text[] is null or instance_uid = any (:instanceUids::text[]))
       and not uid = any (:uids::uuid[])`,
    {
      kinds: [...scope.kinds],
      cluster: scope.cluster,
      instanceUids: scope.instanceUids === undefined ? null : [...scope.instanceUids],
      uids: rows.map(({ uid }) => uid),
    },
  );
  return rows.map(toFinding);
}

/** Only those that two looks saw, the first of them long enough ago; by the clock of Postgres. Gives those that became it now. */
export async function quarantineFindings(
  session: Session,
  kinds: readonly Finding['kind'][],
  graceSeconds: number,
): Promise<Finding[]> {
  const rows = await query<FindingRow>(
    session,
    `update findings set quarantined_at = clock_timestamp()
     where kind = any (:kinds::text[]) and quarantined_at is null and last_seen_at > first_seen_at
       and first_seen_at <= clock_timestamp() - :graceSeconds * interval '1 second'
     returning *`,
    { kinds: [...kinds], graceSeconds },
  );
  return rows.map(toFinding);
}

export async function forgetFinding(session: Session, uid: string): Promise<void> {
  if (isUuid(uid)) await query(session, 'delete from findings where uid = :uid', { uid });
}
