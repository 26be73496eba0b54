import type { KeyRing } from '../lib/sealed.ts';
import { findDownload, keepDownload } from './chart-downloads.ts';
import { guarded } from './database-errors.ts';
import { claimDriftCheck, forgetDriftOfGone, recentRepairs, restOf } from './drift-checks.ts';
import { verifyKeys } from './encryption-keys.ts';
import { findFinding, forgetFinding, listFindings, quarantineFindings, recordFindings } from './findings.ts';
import { findLeaseEnd, holdLease, releaseLease } from './leases.ts';
import { Listener } from './listener.ts';
import { defaultQueryTimeoutMs, openDatabase, sessionSettings } from './open-database.ts';
import { createOperationQueue, type Runner } from './operation-queue.ts';
import { createReader } from './reader.ts';
import { retire } from './retention.ts';
import { putRevision } from './revisions.ts';
import { query, type Session } from './session.ts';
import {
  bindingLeftovers,
  bindingsOf,
  endHold,
  holdBinding,
  instancesInUse,
  renewHold,
} from './sweep-bindings.ts';
import { clustersInUse, findTombstones, noteInstancesSwept, rowsOf, unsweptInstances } from './sweeps.ts';
import { createTransaction } from './transaction.ts';
import type { Store } from './types.ts';

export interface StoreOptions {
  /** Migrated already (`migrate`). May lead through a transaction-mode pooler. */
  databaseUrl: string;
  /** Direct URL for LISTEN when `databaseUrl` leads through a transaction-mode pooler. */
  listenUrl?: string;
  keys: KeyRing;
  /** Connections at most, the one that listens apart. */
  poolSize?: number;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** How long Postgres may take to answer before it counts as out of reach. Default: 20 s. */
  queryTimeoutMs?: number;
}

/**
 * @throws ChandlerError `StoreUnavailable` when Postgres cannot be reached
 * @throws KeyMismatch when the keys are not those of this database
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const applicationName = options.applicationName ?? 'chandler';
  const database = openDatabase({
    url: options.databaseUrl,
    applicationName,
    pool: { min: 0, max: options.poolSize ?? 10 },
    sessionSettings,
    queryTimeoutMs: options.queryTimeoutMs ?? defaultQueryTimeoutMs,
  });
  const keys = options.keys;
  let listener: Listener | undefined;
  try {
    const installationId = await guarded(() =>
      database.transaction(async (db) => {
        const session: Session = { db, keys, installationId: '' };
        await verifyKeys(session, keys);
        await query(session, 'insert into installation default values on conflict do nothing');
        const [row] = await query<{ id: string }>(session, 'select id from installation');
        return row?.id ?? '';
      }),
    );
    const session: Session = { db: database, keys, installationId };
    const runner: Runner = {
      run: (work) => guarded(() => work(session)),
      transact: (work) => guarded(() => database.transaction((db) => work({ db, keys, installationId }))),
    };
    listener = new Listener({
      url: options.listenUrl ?? options.databaseUrl,
      applicationName: `${applicationName} listen`,
    });
    await listener.start();
    return createStore(session, runner, listener);
  } catch (thrown) {
    await listener?.close();
    await database.destroy();
    throw thrown;
  }
}

function createStore(session: Session, runner: Runner, listener: Listener): Store {
  return {
    ...createReader(runner.run),
    installationId: session.installationId,
    transact: (work) => runner.transact((own) => work(createTransaction(own))),
    operationQueue: createOperationQueue(runner, listener),
    findings: {
      list: () => runner.run(listFindings),
      find: (uid) => runner.run((own) => findFinding(own, uid)),
      record: (scope, found) => runner.transact((own) => recordFindings(own, scope, found)),
      quarantine: (kinds, graceSeconds) => runner.run((own) => quarantineFindings(own, kinds, graceSeconds)),
      forget: (uid) => runner.run((own) => forgetFinding(own, uid)),
    },
    sweeps: {
      clustersInUse: () => runner.run(clustersInUse),
      rowsOf: (cluster) => runner.transact((own) => rowsOf(own, cluster)),
      tombstones: (uids, settleSeconds) => runner.run((own) => findTombstones(own, uids, settleSeconds)),
      unsweptInstances: (cluster, settleSeconds) =>
        runner.run((own) => unsweptInstances(own, cluster, settleSeconds)),
      noteInstancesSwept: (uids) => runner.run((own) => noteInstancesSwept(own, uids)),
      instancesInUse: (after, limit) => runner.run((own) => instancesInUse(own, after, limit)),
      bindingsOf: (uid, settleSeconds) => runner.transact((own) => bindingsOf(own, uid, settleSeconds)),
      bindingLeftovers: (settleSeconds) => runner.run((own) => bindingLeftovers(own, settleSeconds)),
      holdBinding: (leftover, hold) => runner.transact((own) => holdBinding(own, leftover, hold)),
      renewHold: (hold, seconds) => runner.run((own) => renewHold(own, hold, seconds)),
      retire: (days, limit) => runner.transact((own) => retire(own, days, limit)),
      endHold: (hold, swept) => runner.transact((own) => endHold(own, hold, swept)),
      claimDriftCheck: (everySeconds) => runner.run((own) => claimDriftCheck(own, everySeconds)),
      forgetDriftOfGone: () => runner.run(forgetDriftOfGone),
      restOf: (instanceUid) => runner.run((own) => restOf(own, instanceUid)),
      recentRepairs: (instanceUid) => runner.run((own) => recentRepairs(own, instanceUid)),
    },
    holdLease: (name, owner, seconds) => runner.run((own) => holdLease(own, name, owner, seconds)),
    findLeaseEnd: (name) => runner.run((own) => findLeaseEnd(own, name)),
    releaseLease: (name, owner) => runner.run((own) => releaseLease(own, name, owner)),
    putRevision: (revision, charts) => runner.transact((own) => putRevision(own, revision, charts)),
    chartDownloads: {
      find: (digest) => runner.run((own) => findDownload(own, digest)),
      keep: (digest, download) => runner.run((own) => keepDownload(own, digest, download)),
    },
    ping: () =>
      runner.run(async (own) => {
        await query(own, 'select 1');
      }),
    close: async () => {
      await listener.close();
      await session.db.destroy();
    },
  };
}
