/** What the worker is built from; `start` wires it. */

import type { CredentialsProvider } from '../credentials/types.ts';
import type { Delivery } from '../delivery/types.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { UpdateFailure } from '../domain/operation.ts';
import type { StepHook } from '../domain/steps.ts';
import type { BackoffOptions } from '../lib/backoff.ts';
import type { RepairOptions } from '../provisioners/plan-repair.ts';
import type { ExternalProvisioner, InstanceTarget } from '../provisioners/types.ts';
import type { ClaimLimits, OperationClaim, Store, StoreTransaction, WaitFinding } from '../store/types.ts';
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
  /** Told of every step; for tests (CHANDLER_FAILPOINT). */
  steps?: StepHook;
}

export interface WorkerSettings {
  /** Identity of this process among its replicas. */
  owner: string;
  /** Operations worked on at the same time. */
  concurrency: number;
  leaseSeconds: number;
  /** Over all replicas; without them nothing is held back. */
  limits?: ClaimLimits;
  /** Between tries of an operation that failed by what may pass; 0.5 s to 15 s when absent. */
  retryBackoff?: BackoffOptions;
  /** Monotonic milliseconds, by which the time left of a lease is told; `performance.now` when absent. */
  now?: () => number;
}

/** What one tick of an operation came to. */
export type TickOutcome =
  /** `commit` writes what only this tick knows, in the transaction that ends the operation. */
  | { kind: 'done'; description: string; commit?: (transaction: StoreTransaction) => Promise<void> }
  | { kind: 'failed'; code: ErrorCode; sentence: string; cause?: unknown; diagnosis?: Diagnosis }
  /** An update that failed, whose instance is as it was before. */
  | { kind: 'restored'; failure: UpdateFailure; commit?: (transaction: StoreTransaction) => Promise<void> }
  /** Nothing to do until an object changes; `pollAfterMs` is the safety net. */
  | { kind: 'wait'; description: string; pollAfterMs: number; finding?: WaitFinding };

export interface TickContext {
  deps: WorkerDeps;
  claim: OperationClaim;
  /** Call before each effect outside Postgres. @throws LeaseLost, WorkerStopping */
  guard: () => void;
  /** An update that failed brings back the version before: no hooks run, and volumes that grew stay as they are. */
  restoring?: true;
  /** Set in a repair and in an adoption: everything in clusters is applied again, also what the inventory believes to be there. */
  repair?: RepairOptions;
}

/** Thrown where a tick may end because its process does: the operation is released as it is, for another to go on with. */
export class WorkerStopping extends Error {
  override readonly name = 'WorkerStopping';
}

/** Safety net while watch events are expected; reads only Postgres, so it may be slow. */
export const waitPollMs = 30_000;
