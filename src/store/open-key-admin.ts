/** What the care for keys needs of the database. Opens also where a broker would refuse to start, and says why. */
import type { KeyRing } from '../lib/sealed.ts';
import { guarded } from './database-errors.ts';
import { type KnownKey, listKnownKeys, verifyKeys } from './encryption-keys.ts';
import { findLeaseOwner, holdLease, releaseLease } from './leases.ts';
import { defaultQueryTimeoutMs, openDatabase, sessionSettings } from './open-database.ts';
import type { SealedTable } from './sealed-columns.ts';
import {
  countOutdated,
  countRows,
  openBatch,
  type RowCount,
  rewrapBatch,
  type WalkedBatch,
} from './sealed-rows.ts';
import { query, type Session } from './session.ts';

export interface KeyAdmin {
  readonly keys: KeyRing;
  knownKeys(): Promise<KnownKey[]>;
  countRows(): Promise<RowCount[]>;
  /** Rows that a rewrap still has to do. */
  countOutdated(): Promise<number>;
  /** Chandlers that listen since before any Chandler had the active key, and so cannot have it. */
  countReplicasWithoutActiveKey(): Promise<number>;
  /** As when a broker starts; writes down new keys. @throws KeyMismatch */
  verifyKeys(): Promise<void>;
  openBatch(table: SealedTable, after: string | undefined, size: number): Promise<WalkedBatch>;
  rewrapBatch(table: SealedTable, after: string | undefined, size: number): Promise<WalkedBatch>;
  holdLease(name: string, owner: string, seconds: number): Promise<boolean>;
  releaseLease(name: string, owner: string): Promise<void>;
  findLeaseOwner(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** The database must be migrated. May lead through a transaction-mode pooler. */
export function openKeyAdmin(options: { databaseUrl: string; keys: KeyRing }): KeyAdmin {
  const { keys } = options;
  const database = openDatabase({
    url: options.databaseUrl,
    applicationName: 'chandler keys',
    pool: { min: 0, max: 2 },
    sessionSettings,
    queryTimeoutMs: defaultQueryTimeoutMs,
  });
  const run = <T>(work: (session: Session) => Promise<T>) =>
    guarded(() => work({ db: database, keys, installationId: '' }));
  const transact = <T>(work: (session: Session) => Promise<T>) =>
    guarded(() => database.transaction((db) => work({ db, keys, installationId: '' })));
  return {
    keys,
    knownKeys: () => run(listKnownKeys),
    countRows: () => run(countRows),
    countOutdated: () => run(countOutdated),
    countReplicasWithoutActiveKey: () => run(countReplicasWithoutActiveKey),
    verifyKeys: () => transact((session) => verifyKeys(session, keys)),
    openBatch: (table, after, size) => run((session) => openBatch(session, table, after, size)),
    rewrapBatch: (table, after, size) => transact((session) => rewrapBatch(session, table, after, size)),
    holdLease: (name, owner, seconds) => run((session) => holdLease(session, name, owner, seconds)),
    releaseLease: (name, owner) => run((session) => releaseLease(session, name, owner)),
    findLeaseOwner: (name) => run((session) => findLeaseOwner(session, name)),
    close: () => database.destroy(),
  };
}

/** A store writes its keys down before it listens. One that connected anew since then is not noticed. */
async function countReplicasWithoutActiveKey(session: Session): Promise<number> {
  const [found] = await query<{ replicas: number }>(
    session,
    `select count(*)::int as replicas
     from pg_stat_activity connection join encryption_keys key on key.id = :active
     where connection.datname = current_database() and connection.application_name = 'chandler listen'
       and connection.backend_start < key.created_at`,
    { active: session.keys.activeId },
  );
  return found?.replicas ?? 0;
}
