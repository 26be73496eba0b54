/**
 * Wraps every data key with the active key, beside running Chandlers. What is done is told by the rows themselves, so
 * a run that was killed leaves nothing to clean up, and the next one does what is left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyAdmin } from '../../store/open-key-admin.ts';
import { type SealedTable, sealedTables } from '../../store/sealed-columns.ts';
import type { UnreadableRow } from '../../store/sealed-rows.ts';

/** Why nothing was rotated, or not all; the message says what to do. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused';
}

export interface RotationProgress {
  table: SealedTable;
  /** Of all tables, since this run began. */
  done: number;
  /** What there was to do when this run began. */
  total: number;
  rowsPerSecond: number;
}

export interface Rotation {
  activeKey: string;
  done: number;
  /** Rows under other keys, those that do not open apart: held by others, or sealed just now by a Chandler of the old key. */
  left: number;
  unreadable: UnreadableRow[];
  interrupted: boolean;
  seconds: number;
}

export interface RotationOptions {
  /** Names this run to others that want to rotate at the same time. */
  owner: string;
  /** Rows per transaction. */
  batchSize: number;
  /** Also when Chandlers seem to run that do not have the active key. */
  force: boolean;
  /** Ends the run after the batch under way. */
  signal: AbortSignal;
  onProgress(progress: RotationProgress): void;
  /** Another run holds the lease, or was killed with it. */
  onWait(owner: string): void;
  /** How long rows are waited for that others held during the first walk. */
  patienceMs?: number;
}

const lease = { name: 'keys rotate', seconds: 5 };
const defaultPatienceMs = 60_000;
const pauseMs = 500;

/**
 * @throws RotationRefused
 * @throws KeyMismatch when the keys are not those of this database
 * @throws ChandlerError `StoreUnavailable` when Postgres cannot be reached
 */
export async function rotateKeys(admin: KeyAdmin, options: RotationOptions): Promise<Rotation> {
  if (!options.force) await assertKeyIsRolledOut(admin);
  await admin.verifyKeys();
  await takeLease(admin, options);
  try {
    return await rewrapAll(admin, options);
  } finally {
    await admin.releaseLease(lease.name, options.owner).catch(() => undefined);
  }
}

async function assertKeyIsRolledOut(admin: KeyAdmin): Promise<void> {
  const id = admin.keys.activeId;
  if ((await admin.countOutdated()) === 0) return;
  if (!(await admin.knownKeys()).some((key) => key.id === id)) {
    throw new RotationRefused(
      `No Chandler has started with the key "${id}" yet, and one that lacks it cannot read rotated rows. ` +
        'Start all of them with this key file, then rotate. With --force it is done all the same.',
    );
  }
  const replicas = await admin.countReplicasWithoutActiveKey();
  if (replicas > 0) {
    throw new RotationRefused(
      `${replicas} Chandler(s) run since before any had the key "${id}", and could not read rotated rows. ` +
        'Restart them with this key file, then rotate. With --force it is done all the same.',
    );
  }
}

/** A killed run leaves its lease, so another one waits as long as that can take. */
async function takeLease(admin: KeyAdmin, { owner, signal, onWait }: RotationOptions): Promise<void> {
  const giveUpAt = performance.now() + (lease.seconds + 2) * 1000;
  let told = false;
  while (!(await admin.holdLease(lease.name, owner, lease.seconds))) {
    const other = (await admin.findLeaseOwner(lease.name)) ?? 'another run';
    if (performance.now() > giveUpAt || signal.aborted) {
      throw new RotationRefused(`Another rotation is at work: ${other}. Only one runs at a time.`);
    }
    if (!told) onWait(other);
    told = true;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

async function rewrapAll(admin: KeyAdmin, options: RotationOptions): Promise<Rotation> {
  const { signal, patienceMs = defaultPatienceMs } = options;
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const total = await admin.countOutdated();
  const unreadable = new Map<string, UnreadableRow>();
  let done = 0;
  let left = total;
  let giveUpAt: number | undefined;

  async function walk(table: SealedTable): Promise<void> {
    let after: string | undefined;
    do {
      if (signal.aborted) return;
      await keepLease(admin, options.owner);
      const batch = await admin.rewrapBatch(table, after, options.batchSize);
      for (const row of batch.unreadable) unreadable.set(`${row.table} ${row.uid}`, row);
      after = batch.last;
      done += batch.done;
      if (batch.done > 0) options.onProgress({ table, done, total, rowsPerSecond: done / seconds() });
    } while (after !== undefined);
  }

  // A walk leaves out rows that others hold; and a Chandler that still seals with the old key makes further ones.
  while (left > unreadable.size && !signal.aborted) {
    unreadable.clear();
    for (const table of sealedTables) await walk(table);
    left = await admin.countOutdated();
    giveUpAt ??= performance.now() + patienceMs;
    if (performance.now() > giveUpAt) break;
    if (left > unreadable.size) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return {
    activeKey: admin.keys.activeId,
    done,
    left: Math.max(0, left - unreadable.size),
    unreadable: [...unreadable.values()],
    interrupted: signal.aborted && left > unreadable.size,
    seconds: seconds(),
  };
}

async function keepLease(admin: KeyAdmin, owner: string): Promise<void> {
  if (await admin.holdLease(lease.name, owner, lease.seconds)) return;
  const other = (await admin.findLeaseOwner(lease.name)) ?? 'another run';
  throw new RotationRefused(`Another rotation took over: ${other}. What this one did stays done.`);
}
