import { isUuid, query, type Session } from './session.ts';
import {
  type AppliedObject,
  type InventoryItem,
  type InventoryKey,
  type NewInventoryItem,
  noCluster,
} from './types.ts';

const table = 'inventory';
const keyColumns = ['instance_uid', 'cluster', 'api_version', 'kind', 'namespace', 'name'];

interface InventoryRow {
  instance_uid: string;
  cluster: string;
  api_version: string;
  kind: string;
  namespace: string;
  name: string;
  binding_uid: string | null;
  resource_id: string;
  object_uid: string | null;
  applied_digest: string | null;
  /** bigint, which pg gives as text. */
  applied_generation: string | null;
}

function toKeyColumns(key: InventoryKey) {
  return {
    instance_uid: key.instanceUid,
    cluster: key.cluster,
    api_version: key.apiVersion,
    kind: key.kind,
    namespace: key.namespace,
    name: key.name,
  };
}

/** In the order in which the items were planned. */
export async function listInventory(session: Session, instanceUid: string): Promise<InventoryItem[]> {
  if (!isUuid(instanceUid)) return [];
  const rows = await query<InventoryRow>(
    session,
    `select * from ${table} where instance_uid = :instanceUid order by position`,
    { instanceUid },
  );
  return rows.map((row) => ({
    instanceUid: row.instance_uid,
    cluster: row.cluster,
    apiVersion: row.api_version,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    ...(row.binding_uid === null ? {} : { bindingUid: row.binding_uid }),
    resourceId: row.resource_id,
    ...(row.object_uid === null ? {} : { objectUid: row.object_uid }),
    ...(row.applied_digest === null ? {} : { appliedDigest: row.applied_digest }),
    ...(row.applied_generation === null ? {} : { appliedGeneration: Number(row.applied_generation) }),
  }));
}

export async function kindsInUse(session: Session, cluster: string) {
  if (cluster === noCluster) return [];
  return query<{ apiVersion: string; kind: string }>(
    session,
    `select distinct api_version as "apiVersion", kind from ${table} where cluster = :cluster order by 1, 2`,
    { cluster },
  );
}

/** What is known already stays as it is, but that it goes over to the resource that has it now. */
export async function planInventory(session: Session, items: readonly NewInventoryItem[]): Promise<void> {
  if (items.length === 0) return;
  await session
    .db(table)
    .insert(
      items.map((item) => ({
        ...toKeyColumns(item),
        binding_uid: item.bindingUid ?? null,
        resource_id: item.resourceId,
      })),
    )
    .onConflict(keyColumns)
    .merge(['resource_id']);
}

export async function recordApplied(
  session: Session,
  item: InventoryKey,
  applied: AppliedObject,
): Promise<void> {
  await session
    .db(table)
    .where(toKeyColumns(item))
    .update({
      object_uid: applied.objectUid,
      applied_digest: applied.appliedDigest,
      applied_generation: applied.appliedGeneration ?? null,
      updated_at: session.db.raw('clock_timestamp()'),
    });
}

export async function removeInventory(session: Session, item: InventoryKey): Promise<void> {
  await session.db(table).where(toKeyColumns(item)).delete();
}
