import type { PlanRevision } from '../domain/offering.ts';
import { completeRevision, type StoredRevision } from './complete-revision.ts';
import { query, type Session } from './session.ts';

export async function findRevision(session: Session, digest: string): Promise<PlanRevision | undefined> {
  const [row] = await query<{ definition: StoredRevision }>(
    session,
    'select definition from plan_revisions where digest = :digest',
    { digest },
  );
  return row === undefined ? undefined : completeRevision(row.definition);
}

/** @param planId of any plan when absent */
export async function findNewestRevision(
  session: Session,
  planId: string | undefined,
): Promise<PlanRevision | undefined> {
  const [row] = await query<{ definition: StoredRevision }>(
    session,
    `select definition from plan_revisions where :planId::text is null or plan_id = :planId
     order by created_at desc limit 1`,
    { planId: planId ?? null },
  );
  return row === undefined ? undefined : completeRevision(row.definition);
}

export async function findChart(session: Session, digest: string): Promise<Buffer | undefined> {
  const [row] = await query<{ archive: Buffer }>(
    session,
    'select archive from charts where digest = :digest',
    { digest },
  );
  return row?.archive;
}

export async function putRevision(
  session: Session,
  revision: PlanRevision,
  charts: ReadonlyMap<string, Buffer>,
): Promise<void> {
  // In the order of digests, so that two replicas that start at once cannot wait for each other.
  for (const [digest, archive] of [...charts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await session.db('charts').insert({ digest, archive }).onConflict('digest').ignore();
  }
  await session
    .db('plan_revisions')
    .insert({
      digest: revision.digest,
      service_id: revision.serviceId,
      plan_id: revision.planId,
      definition: JSON.stringify(revision),
    })
    .onConflict('digest')
    .ignore();
}
