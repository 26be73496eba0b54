/** What sweeps ask of the store: rows in bulk, as one picture, by the clock of Postgres alone. */
import type { BindingState } from '../domain/binding.ts';
import type { InstanceState } from '../domain/instance.ts';

/** An instance, as far as it explains what is outside. */
export interface SweptInstance {
  uid: string;
  state: InstanceState;
  externalName: string;
  cluster: string;
  namespace: string;
  /** An instance-wide operation is in progress, or a worker that lost one may still be at work. */
  busy: boolean;
  /** Nothing happened to it for so long that no worker in good health can still be at work on it. */
  settled: boolean;
}

export interface SweptBinding {
  uid: string;
  instanceUid: string;
  state: BindingState;
  externalName: string;
  delivery?: { cluster: string; namespace: string };
  /** Like that of an instance, for operations on this binding. */
  busy: boolean;
  settled: boolean;
  expired: boolean;
}

/** An item of an inventory. */
export interface SweptItem {
  instanceUid: string;
  apiVersion: string;
  kind: string;
  /** Empty for cluster-scoped objects. */
  namespace: string;
  name: string;
  resourceId: string;
  /** Once it was applied. */
  objectUid?: string;
}

/** Everything that explains objects in one cluster, as of one moment. */
export interface ClusterRows {
  /** Those that are not deprovisioned, of any cluster. */
  instances: SweptInstance[];
  /** Those that are not unbound. */
  bindings: SweptBinding[];
  /** Items of this cluster. */
  items: SweptItem[];
}

export interface Tombstones {
  instances: SweptInstance[];
  bindings: SweptBinding[];
}

/** The reads and writes of sweeps. Seconds are counted by Postgres. */
export interface Sweeps {
  /** Names of clusters that any live row names. */
  clustersInUse(): Promise<string[]>;
  rowsOf(cluster: string): Promise<ClusterRows>;
  /**
   * The deprovisioned instances and unbound bindings among these uids, which are what labels say: any text.
   * @param settleSeconds how long after its last change one counts as settled
   */
  tombstones(
    uids: { instances: readonly string[]; bindings: readonly string[] },
    settleSeconds: number,
  ): Promise<Tombstones>;
  /** Deprovisioned and settled instances of a cluster that no sweep has looked at since. */
  unsweptInstances(cluster: string, settleSeconds: number): Promise<string[]>;
  noteInstancesSwept(uids: readonly string[]): Promise<void>;
  /**
   * The instance to compare with its plan next: ready, at rest, and looked at longest ago, at least `everySeconds`; a
   * minute is enough where the last look found something. Noted as looked at.
   */
  claimDriftCheck(everySeconds: number): Promise<string | undefined>;
  /** Takes back what was found at instances that are gone. */
  forgetDriftOfGone(): Promise<void>;
  /**
   * Undefined unless the instance is ready and nothing is at work on it or its bindings. Two equal answers mean that
   * nothing was in between either.
   */
  restOf(instanceUid: string): Promise<string | undefined>;
  /** Repairs of an instance within the last 24 hours, and how long ago the last one began. */
  recentRepairs(instanceUid: string): Promise<{ count: number; lastSecondsAgo: number | undefined }>;
}
