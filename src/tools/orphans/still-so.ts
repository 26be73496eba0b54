/** Between what a sweep found and what an admin does about it a repair, another admin or a hand may have mended it. */
import { labelKeys } from '../../lib/labels.ts';
import type { Finding, StoreTransaction } from '../../store/types.ts';
import type { Orphan } from './group-findings.ts';
import { OrphanRefused } from './orphan-refused.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

type Found = Pick<Orphan, 'findings' | 'bindingUid'> & { instance: NonNullable<Orphan['instance']> };

/**
 * Reads again the objects that are said to be gone. Logins and drift only a sweep can look at.
 * @throws OrphanRefused when each of them stands, or the findings went
 * @throws ChandlerError `StoreUnavailable`; KubeError
 */
export async function assertStillGone(deps: OrphanDeps, { findings, instance }: Found): Promise<void> {
  if (findings.length === 0) return;
  const now = await Promise.all(findings.map(({ uid }) => deps.store.findings.find(uid)));
  const left = now.filter((finding) => finding !== undefined);
  if (left.length === 0) throw new OrphanRefused('The finding is gone: what it named is whole again.');
  const inventory = await deps.store.listInventory(instance.uid);
  for (const finding of left) {
    if (finding.kind !== 'row without object' || !(await stands(deps, finding, inventory))) return;
  }
  const names = left.map(({ objectKind, name }) => `${objectKind} ${name}`).join(', ');
  throw new OrphanRefused(`Nothing is gone any more: ${names} stands. The next sweep sees it.`);
}

async function stands(
  { store, cluster }: OrphanDeps,
  { apiVersion, objectKind: kind, namespace, name, bindingUid }: Finding,
  inventory: Awaited<ReturnType<OrphanDeps['store']['listInventory']>>,
): Promise<boolean> {
  const live = await cluster.get({ apiVersion, kind, namespace, name });
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) return false;
  const { uid, labels = {} } = live.metadata;
  if (bindingUid !== undefined) {
    return (
      labels[labelKeys.installation] === store.installationId && labels[labelKeys.binding] === bindingUid
    );
  }
  return inventory.some(
    (item) =>
      item.objectUid === uid && item.kind === kind && item.namespace === namespace && item.name === name,
  );
}

/**
 * With the instance locked, so that no operation can come between.
 * @throws OrphanRefused when one succeeded since the sweep looked
 */
export async function assertNothingSince(
  transaction: StoreTransaction,
  { findings, instance, bindingUid }: Found,
): Promise<void> {
  if (findings.length === 0) return;
  const latest = await transaction.latestSuccess(instance.uid, bindingUid);
  const seenAt = Math.max(...findings.map(({ lastSeenAt }) => Number(lastSeenAt)));
  if (latest?.finishedAt === undefined || Number(latest.finishedAt) <= seenAt) return;
  throw new OrphanRefused(
    `A ${latest.type} succeeded after a sweep saw this last, and may have settled it. Wait for the next sweep, then look again.`,
  );
}
