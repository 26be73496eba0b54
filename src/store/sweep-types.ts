/** What sweeps ask of the store: rows in bulk, as one picture, by the clock of Postgres alone. */
import type { BindingState } from '../domain/binding.ts';
import type { InstanceState } from '../domain/instance.ts';

/** The lease that is taken when a round of sweeps begins and runs out before the next; never released. */
export const sweeperPace = 'sweeper pace';

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

/** A binding that is over, of which something may be left outside. */
export interface BindingLeftover {
  uid: string;
  instanceUid: string;
  why: 'unbound' | 'bind failed' | 'expired';
}

/** Keeps operations on a binding waiting while a sweep works on it. */
export interface BindingHold {
  operationUid: string;
  bindingUid: string;
  instanceUid: string;
  owner: string;
}

/** How many rows a batch of retention changed or deleted. */
export interface Retired {
  operations: number;
  /** Instances and bindings. */
  tombstones: number;
  /** Tombstones that stay, without what they sealed. */
  emptied: number;
  observed: number;
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
  /** Instances that are ready or else usable, and that no operation is at work on, in the order of their uids. */
  instancesInUse(after: string | undefined, limit: number): Promise<string[]>;
  /** An instance and all its bindings, as of one moment; `inUse` as for `instancesInUse`. */
  bindingsOf(
    instanceUid: string,
    settleSeconds: number,
  ): Promise<{ instance: (SweptInstance & { inUse: boolean }) | undefined; bindings: SweptBinding[] }>;
  /**
   * Bindings that were unbound or failed and are settled, or expired, and that no sweep has looked at since. None that
   * an operation is at work on.
   */
  bindingLeftovers(settleSeconds: number): Promise<BindingLeftover[]>;
  /** Keeps operations on the binding waiting. Gives none when it is no longer what it was, or one is at work. */
  holdBinding(
    leftover: BindingLeftover,
    hold: { owner: string; seconds: number; settleSeconds: number },
  ): Promise<BindingHold | undefined>;
  /** Returns false when the hold is lost. */
  renewHold(hold: BindingHold, seconds: number): Promise<boolean>;
  /** @param swept whether the work was done: the binding is not looked at again unless something happens to it */
  endHold(hold: BindingHold, swept: boolean): Promise<void>;
  /** Deletes and empties what has been over for that many days, `limit` rows of each kind at most. */
  retire(days: number, limit: number): Promise<Retired>;
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
