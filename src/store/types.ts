/**
 * What the other rooms see of the store. Reads may happen anywhere; writes exist only on a transaction, which is
 * reached only through `transact`, so a half-done use case cannot be written down.
 */
import type {
  BindingAttachments,
  BindingKey,
  BindingState,
  DeliveredObject,
  ServiceBinding,
} from '../domain/binding.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { ErrorCode, InstanceAftermath } from '../domain/errors.ts';
import type { GeneratedValues, InstanceKey, InstanceState, ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { Operation, OperationType, UpdateFailure, UpdateTarget } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { Sweeps } from './sweep-types.ts';

export interface Store extends StoreReader {
  /** Identity of this database's Chandler, made once; stamped on every object outside. */
  readonly installationId: string;
  /**
   * Runs one use case in one transaction (read committed). Rolls back when `work` throws.
   * @throws ChandlerError `StoreUnavailable` when Postgres cannot be reached
   * @throws UniqueConflict when another transaction inserted the same live instance, binding or active operation first
   */
  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  operationQueue: OperationQueue;
  findings: Findings;
  sweeps: Sweeps;
  /** Takes or renews a named lease by the clock of Postgres. Returns whether `owner` holds it now. */
  holdLease(name: string, owner: string, seconds: number): Promise<boolean>;
  releaseLease(name: string, owner: string): Promise<void>;
  /** When a lease runs out, or ran out unless it was released; undefined when nobody ever held it. */
  findLeaseEnd(name: string): Promise<Date | undefined>;
  /** Stores a plan revision and the packed charts it names; a digest that exists is left as it is. */
  putRevision(revision: PlanRevision, charts: ReadonlyMap<string, Buffer>): Promise<void>;
  /** Packed charts that were fetched, by the sha256 of the archive; what is read may have been changed since. */
  chartDownloads: {
    find(digest: string): Promise<ChartDownload | undefined>;
    keep(digest: string, download: ChartDownload): Promise<void>;
  };
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** A packed chart as its maker published it. */
export interface ChartDownload {
  archive: Buffer;
  /** The .prov file, where there is one and somebody wanted it. */
  provenance?: string;
}

/** Thrown by `transact` when a unique index decided a race; the use case looks again. */
export class UniqueConflict extends Error {
  override readonly name = 'UniqueConflict';
  readonly constraint: string;
  constructor(constraint: string) {
    super(`another transaction was first: ${constraint}`);
    this.constraint = constraint;
  }
}

/** Thrown when an outcome carries a fence that is no longer the newest, or whose lease ran out: the work is another's. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface StoreReader {
  /** The instance that lives under this key now, tombstones excluded. */
  findInstance(key: InstanceKey): Promise<ServiceInstance | undefined>;
  /** The newest row under this key, tombstones included. */
  findInstanceOrTombstone(key: InstanceKey): Promise<ServiceInstance | undefined>;
  findInstanceByUid(uid: string): Promise<ServiceInstance | undefined>;
  /** Whether nothing was ever made under the row: its provision was refused since the objects of another stood. */
  isHollowInstance(uid: string): Promise<boolean>;
  findBinding(key: BindingKey): Promise<ServiceBinding | undefined>;
  findBindingOrTombstone(key: BindingKey): Promise<ServiceBinding | undefined>;
  findBindingByUid(uid: string): Promise<ServiceBinding | undefined>;
  /** Bindings of an instance that are not unbound. */
  listBindings(instanceUid: string): Promise<ServiceBinding[]>;
  findOperation(uid: string): Promise<Operation | undefined>;
  /** What an update makes of its instance; undefined for other operations. */
  findUpdateTarget(operationUid: string): Promise<Redacted<UpdateTarget> | undefined>;
  /** The newest instance-wide operation that a platform asked for (not bind, unbind or repair). */
  latestInstanceOperation(instanceUid: string): Promise<Operation | undefined>;
  latestBindingOperation(bindingUid: string): Promise<Operation | undefined>;
  /** The newest operation that succeeded, repairs too, on the instance itself or on that binding of it. */
  latestSuccess(instanceUid: string, bindingUid?: string): Promise<Operation | undefined>;
  findRevision(digest: string): Promise<PlanRevision | undefined>;
  /** The one that was stored last, of a plan or of any. */
  findNewestRevision(planId?: string): Promise<PlanRevision | undefined>;
  findChart(digest: string): Promise<Buffer | undefined>;
  listInventory(instanceUid: string): Promise<InventoryItem[]>;
  /** The last known state of every object that carries the instance's label, as the watcher wrote it down. */
  listObserved(instanceUid: string): Promise<ObservedObject[]>;
  /** Kinds that any inventory on this cluster names; what the watcher must watch. */
  kindsInUse(cluster: string): Promise<{ apiVersion: string; kind: string }[]>;
}

export interface NewInstance
  extends Pick<
    ServiceInstance,
    | 'platform'
    | 'instanceId'
    | 'serviceId'
    | 'planId'
    | 'planRevision'
    | 'organizationGuid'
    | 'spaceGuid'
    | 'context'
    | 'parameters'
    | 'cluster'
  > {
  contextNamespace?: string;
  generated: Redacted<GeneratedValues>;
}

export interface NewBinding
  extends Pick<
    ServiceBinding,
    | 'platform'
    | 'instanceId'
    | 'bindingId'
    | 'instanceUid'
    | 'serviceId'
    | 'planId'
    | 'context'
    | 'parameters'
  > {
  appGuid?: string;
  password: Redacted<string>;
  delivery?: { cluster: string; namespace: string };
  predecessorBindingId?: string;
  /** Seconds from now, by the clock of Postgres. */
  lifetimeSeconds?: number;
  /** Seconds before the end of the lifetime. */
  renewBeforeSeconds?: number;
}

/** An instance that exists outside and has no row: what it is called there, and what the row begins as. */
export interface AdoptedInstance extends NewInstance {
  /** What the labels say. */
  uid: string;
  incarnation: number;
  externalName: string;
  namespace: string;
  /** Only together with the operation that it names. */
  state: 'provisioning' | 'deprovisioning';
}

/** The same of a binding. */
export interface AdoptedBinding extends NewBinding {
  uid: string;
  incarnation: number;
  externalName: string;
  state: 'binding' | 'unbinding';
}

export interface NewOperation {
  type: OperationType;
  instanceUid: string;
  bindingUid?: string;
  /** Only for updates: the revision and the values that the instance shall have. */
  update?: { planRevision: string; target: UpdateTarget };
  /** Seconds from now, by the clock of Postgres. */
  timeoutSeconds: number;
  /** Only for repairs: see Operation. */
  withEmptyVolumes?: boolean;
  /** Only for provisions: see Operation. */
  adopts?: boolean;
  /** Public progress text to begin with. */
  description: string;
  /** Decoded X-Broker-API-Originating-Identity, for the audit trail. Sealed. */
  originatingIdentity?: { platform: string; value: JsonObject };
}

export interface StoreTransaction extends StoreReader {
  /** Like the finders, but the row is locked until the transaction ends (`for update`). */
  lockInstance(key: InstanceKey): Promise<ServiceInstance | undefined>;
  lockInstanceByUid(uid: string): Promise<ServiceInstance | undefined>;
  /**
   * Inserts the row in state `provisioning`, with incarnation, external name and namespace worked out from the
   * installation id (lib/names); the namespace is the external name (one namespace per instance).
   */
  insertInstance(instance: NewInstance): Promise<ServiceInstance>;
  /** `usable` stays as it is when not given. */
  setInstanceState(uid: string, state: InstanceState, usable?: boolean): Promise<void>;
  setInstanceContext(uid: string, context: JsonObject): Promise<void>;
  setDashboardUrl(uid: string, dashboardUrl: string): Promise<void>;
  /** Gives the instance the revision and the values of a finished update. */
  applyUpdate(uid: string, planRevision: string, target: UpdateTarget): Promise<void>;
  setInstanceOutputs(uid: string, outputs: JsonObject): Promise<void>;
  /** Inserts the row in state `binding`. */
  insertBinding(binding: NewBinding): Promise<ServiceBinding>;
  /** Insert rows under names that were given before: only for what already bears them outside. */
  adoptInstance(instance: AdoptedInstance): Promise<ServiceInstance>;
  /** Deletes the row of such an instance. Gives false, and does nothing, for any other. */
  discardHollowInstance(uid: string): Promise<boolean>;
  adoptBinding(binding: AdoptedBinding): Promise<ServiceBinding>;
  setBindingState(uid: string, state: BindingState): Promise<void>;
  setBindingCredentials(
    uid: string,
    credentials: Redacted<JsonObject>,
    attachments?: Redacted<BindingAttachments>,
  ): Promise<void>;
  /** Notes what was delivered for a binding, by which a change of it by others is seen. */
  setDelivered(bindingUid: string, objects: readonly DeliveredObject[]): Promise<void>;
  /** Enqueues a repair of the binding when what was delivered for it is known to have changed since. */
  repairDelivery(bindingUid: string): Promise<void>;
  /** The operation of this instance (bindings' operations apart) that is in progress. */
  activeInstanceOperation(instanceUid: string): Promise<Operation | undefined>;
  activeBindingOperation(bindingUid: string): Promise<Operation | undefined>;
  /** Bind and unbind operations in progress on any binding of the instance. */
  activeBindingOperations(instanceUid: string): Promise<Operation[]>;
  /** Inserts the operation and wakes a worker when the transaction commits. */
  enqueueOperation(operation: NewOperation): Promise<Operation>;
  /**
   * Ends an operation in favour of a later one, or of none: state failed, fence raised, so that its worker's writes are
   * void. With an aftermath when platforms shall learn how it left the instance.
   */
  cancelOperation(uid: string, description: string, aftermath?: InstanceAftermath): Promise<void>;
  /** Locks the operation row and checks fence and lease. @throws LeaseLost */
  assertHeld(claim: OperationClaim): Promise<void>;
  /** Ends the claimed operation; call after assertHeld in the same transaction. Wakes waiters on commit. */
  finishOperation(claim: OperationClaim, outcome: OperationOutcome): Promise<void>;
  /** Keeps why an update failed, and gives it time to bring back the version before. @throws LeaseLost */
  beginRestoring(claim: OperationClaim, failure: UpdateFailure, timeoutSeconds: number): Promise<void>;
  /** Says that what this transaction records need not be done again, so that lost workers before it no longer count. */
  recordProgress(claim: OperationClaim): Promise<void>;
  /** Wakes the operations of this instance and its bindings (they may have waited for what just changed). */
  wakeInstance(instanceUid: string): Promise<void>;
  /** Writes down what is about to be applied; items that are known (same instance, object reference) stay as they are. */
  planInventory(items: readonly NewInventoryItem[]): Promise<void>;
  recordApplied(item: InventoryKey, applied: AppliedObject): Promise<void>;
  /** Writes down that a resource has its new state, so that later ticks of the operation need not render it again. */
  recordAppliedResource(operationUid: string, resourceId: string): Promise<void>;
  removeInventory(item: InventoryKey): Promise<void>;
}

export type OperationOutcome =
  | { state: 'succeeded'; description: string }
  | ({
      state: 'failed';
      description: string;
      errorCode: ErrorCode;
      diagnosis?: Diagnosis;
    } & InstanceAftermath);

/** A worker's hold on an operation. */
export interface OperationClaim {
  operation: Operation;
  owner: string;
  fence: number;
  /** The deadline had passed when it was claimed, by the clock of Postgres. */
  expired: boolean;
  /** How many workers in a row, this claim's predecessors, lost their lease on it before they recorded a step. */
  takeovers: number;
  /** How long its diagnosis has been the same trouble; 0 without one. By the clock of Postgres. */
  troubledMs: number;
  /** How long ago somebody looked closer at what it waits for; since it was made, when nobody did. */
  unlookedMs: number;
}

/** What a tick found of what its operation waits for. */
export interface WaitFinding {
  diagnosis?: Diagnosis;
  /** Whether it looked closer. */
  looked: boolean;
}

/**
 * How many operations may be worked on at the same time, over all replicas. Counted in the statement that claims, and
 * without a lock between replicas: claims at the same instant may together exceed a limit by one per replica.
 */
export interface ClaimLimits {
  /** Binds and unbinds of one service instance: they log in to its server. */
  perServer: number;
  /** All operations on instances of one cluster. */
  perCluster: number;
}

export interface OperationQueue {
  /**
   * Claims an operation that is due (in progress, run_at passed, no live lease, no cancelled operation on the same
   * resource whose worker may still be at work), raises its fence and takes a lease. First those whose deadline has
   * passed, for they only have to be ended; then those of the tenant (platform, organization, space) for whom the
   * fewest are being worked on; then the longest due. With a single slot in the whole installation that is plain first
   * come, first served. `for update skip locked`, database clock only.
   * @param limits without them nothing is held back
   */
  claim(owner: string, leaseSeconds: number, limits?: ClaimLimits): Promise<OperationClaim | undefined>;
  /** Extends the lease. Returns false when it is lost. */
  renew(claim: OperationClaim, leaseSeconds: number): Promise<boolean>;
  /**
   * Says that a claim whose lease was lost to a cancellation works no more: what waits for the end of that lease may
   * begin. Harmless in any other case.
   */
  giveUp(claim: OperationClaim): Promise<void>;
  /**
   * Gives the operation back until `runAfterMs` from now, its deadline or an earlier wake. A lost lease is ignored.
   * Without a finding the one before stays.
   */
  release(
    claim: OperationClaim,
    next: {
      runAfterMs: number;
      description?: string;
      attempts: number;
      errorCode?: ErrorCode;
      finding?: WaitFinding;
    },
  ): Promise<void>;
  /**
   * Milliseconds until the next operation falls due, at least 0; undefined when none waits. For what is due and held
   * back by the limits or by a late worker: until the first lease ends.
   */
  msUntilNextDue(limits?: ClaimLimits): Promise<number | undefined>;
  /** Calls back when an operation was enqueued or woken (LISTEN; reconnects by itself; slow poll as safety net). */
  onWake(listener: () => void): () => void;
  /** Resolves when the operation is no longer in progress, or after `timeoutMs`; gives the operation as it is then. */
  waitUntilFinished(operationUid: string, timeoutMs: number): Promise<Operation>;
  /**
   * The watcher's writes: see ObservedObject. Each wakes the operations of the instances concerned.
   * @throws LeaseLost when the watcher's lease is not held: the caller must list anew once it holds it again
   */
  observe(watcher: WatcherHold, object: ObservedObject): Promise<void>;
  observeGone(watcher: WatcherHold, object: ObservedObject): Promise<void>;
  /** After a relist: exactly these objects of this kind exist. */
  observeAll(
    watcher: WatcherHold,
    kind: { apiVersion: string; kind: string },
    objects: ObservedObject[],
  ): Promise<void>;
}

/** Who watches a cluster, and the lease that says so. */
export interface WatcherHold {
  cluster: string;
  lease: string;
  owner: string;
}

/** How rows and what is outside can differ. A login is an object of kind `login` that lives in a server. */
export type FindingKind =
  | 'object without row'
  | 'row without object'
  | 'login without row'
  | 'row without login'
  | 'drift';

/** One difference, as a sweep sees it. */
export interface NewFinding {
  kind: FindingKind;
  cluster: string;
  /** Empty for logins. */
  apiVersion: string;
  /** Kind of the object; `login` for logins. */
  objectKind: string;
  /** Empty for cluster-scoped objects; for logins the namespace of their instance. */
  namespace: string;
  name: string;
  objectUid?: string;
  /** What the label says; there may be no such row. */
  instanceUid?: string;
  bindingUid?: string;
  /** For people: names and paths, never a value. */
  detail: string;
}

export interface Finding extends NewFinding {
  uid: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
  /** Since when it counts as confirmed: seen by two sweeps, the first of them long enough ago. */
  quarantinedAt?: Date;
}

/** What one look covered: findings of these that it did not report are over. */
export interface FindingScope {
  cluster: string;
  kinds: readonly FindingKind[];
  /** Without it, all instances. */
  instanceUids?: readonly string[];
}

/** Where rows and what is outside differ. Written by sweeps, read and settled by admins. */
export interface Findings {
  list(): Promise<Finding[]>;
  find(uid: string): Promise<Finding | undefined>;
  /** Replaces what is known within the scope. Gives the findings as they stand. */
  record(scope: FindingScope, found: readonly NewFinding[]): Promise<Finding[]>;
  /** Confirms what two looks saw, the first at least this long ago. Gives those confirmed now. */
  quarantine(kinds: readonly FindingKind[], graceSeconds: number): Promise<Finding[]>;
  forget(uid: string): Promise<void>;
}

/** Identifies an object within the inventory of one instance. */
export interface InventoryKey {
  instanceUid: string;
  cluster: string;
  apiVersion: string;
  kind: string;
  /** Empty for cluster-scoped objects. */
  namespace: string;
  name: string;
}

/** In place of a cluster's name: of what is made outside of clusters. Such items are not watched. */
export const noCluster = '';

export interface NewInventoryItem extends InventoryKey {
  /** Set when the object belongs to a binding. */
  bindingUid?: string;
  /** Id of the resource in the plan that it came from; `namespace` for the instance's namespace. */
  resourceId: string;
}

/** An object that we applied or are about to apply. */
export interface InventoryItem extends NewInventoryItem {
  /** The object's uid once applied; every re-apply and delete carries it. */
  objectUid?: string;
  /** Digest of what was applied, to skip an apply that changes nothing. */
  appliedDigest?: string;
  /** `metadata.generation` after the last apply, for kinds that have one: an older sighting says nothing about it. */
  appliedGeneration?: number;
}

/** What an apply came to. */
export interface AppliedObject {
  objectUid: string;
  appliedDigest: string;
  appliedGeneration?: number;
}

/**
 * An object as the cluster last showed it, reduced to what readiness and outputs need (no managed fields; of Secrets
 * and ConfigMaps only metadata). Kept in Postgres so that every replica sees it and waiting costs no API request.
 */
export interface ObservedObject {
  cluster: string;
  instanceUid: string;
  bindingUid?: string;
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  /** The whole reduced object: metadata, spec, status. */
  object: JsonObject;
}
