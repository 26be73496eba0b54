/** What the worker is built from; `start` wires it. */

import type { CredentialsProvider } from '../credentials/types.ts';
import type { Delivery } from '../delivery/types.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { RepairOptions } from '../provisioners/plan-repair.ts';
import type { ExternalProvisioner, InstanceTarget } from '../provisioners/types.ts';
import type { OperationClaim, Store, StoreTransaction } from '../store/types.ts';
import type { Events } from '../telemetry/events.ts';

export interface WorkerDeps {
  store: Store;
  /** @throws ChandlerError `ClusterUnreachable` when no cluster of this name is configured */
  clusterOf: (name: string) => InstanceTarget['cluster'];
  helm: InstanceTarget['helm'];
  chartPath: InstanceTarget['chartPath'];
  /** By the name that plans call them: `bind.engine`. */
  providers: Readonly<Record<string, CredentialsProvider>>;
  /** By the name that plans call them, as the kind of a resource. */
  externals: Readonly<Record<string, ExternalProvisioner>>;
  delivery: Delivery;
  events: Events;
  settings: WorkerSettings;
}

export interface WorkerSettings {
  /** Identity of this process among its replicas. */
  owner: string;
  /** Operations worked on at the same time. */
  concurrency: number;
  leaseSeconds: number;
}

/** What one tick of an operation came to. */
export type TickOutcome =
  /** `commit` writes what only this tick knows, in the transaction that ends the operation. */
  | { kind: 'done'; description: string; commit?: (transaction: StoreTransaction) => Promise<void> }
  | { kind: 'failed'; code: ErrorCode; sentence: string; cause?: unknown }
  /** Nothing to do until an object changes; `pollAfterMs` is the safety net. */
  | { kind: 'wait'; description: string; pollAfterMs: number };

export interface TickContext {
  deps: WorkerDeps;
  claim: OperationClaim;
  /** Call before each effect outside Postgres. @throws LeaseLost */
  guard: () => void;
  /** Set in a repair: everything in clusters is applied again, also what the inventory believes to be there. */
  repair?: RepairOptions;
}

/** Safety net while watch events are expected; reads only Postgres, so it may be slow. */
export const waitPollMs = 30_000;
