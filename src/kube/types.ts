/** What the other rooms see of a Kubernetes cluster: raw JSON objects, never a typed serializer (docs/architecture.md). */
import type { Redacted } from '../lib/redacted.ts';
import { withoutValues } from './without-values.ts';

export interface ObjectMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  [key: string]: unknown;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMetadata;
  [key: string]: unknown;
}

export interface KindReference {
  apiVersion: string;
  kind: string;
}

export interface ObjectReference extends KindReference {
  /** Absent or empty for cluster-scoped objects. */
  namespace?: string;
  name: string;
}

/** An answer of the API server other than 2xx, or none at all. Its message holds no value of an object. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 when the API server did not answer. */
  readonly status: number;
  /** `reason` of the Status object, for example `AlreadyExists`, `Conflict`, `Invalid`; empty when there is none. */
  readonly reason: string;
  constructor(status: number, reason: string, message: string, cause?: unknown) {
    super(withoutValues(status, message), { cause });
    this.status = status;
    this.reason = reason;
  }
  /** Whether trying again later may help: no answer, 429, 5xx. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface ApplyResult {
  object: KubeObject;
  /** `Warning:` headers of the answer (Pod Security admission speaks through them). */
  warnings: string[];
}

export interface ClusterVersion {
  /** For example `v1.34.4`. */
  gitVersion: string;
  /** For helm's `--api-versions`: every `group/version` and `group/version/Kind`. */
  apiVersions: string[];
}

export interface Cluster {
  readonly name: string;
  /** Discovery; cached, refreshed after ten minutes or when a kind is not found. */
  version(): Promise<ClusterVersion>;
  /** Whether a kind is namespaced. @throws KubeError 404 `UnknownKind` when the cluster does not have it */
  isNamespaced(kind: KindReference): Promise<boolean>;
  /** What the API calls a kind's objects, as roles name them. @throws KubeError 404 `UnknownKind` */
  pluralOf(kind: KindReference): Promise<string>;
  get(reference: ObjectReference): Promise<KubeObject | undefined>;
  list(kind: KindReference, options?: ListOptions): Promise<KubeObject[]>;
  /** POST. @throws KubeError 409 `AlreadyExists` */
  create(object: KubeObject): Promise<KubeObject>;
  /** Server-side apply as field manager `chandler`, forced. A `metadata.uid` in the object guards against resurrection (409). */
  apply(object: KubeObject, options?: ApplyOptions): Promise<ApplyResult>;
  /**
   * With the uid as precondition; what the object owns goes with it, in the background, unless `orphan` leaves that
   * without an owner. Gives `gone` when it was not there or has another uid.
   */
  delete(reference: ObjectReference, options: DeleteOptions): Promise<'deleting' | 'gone'>;
  /**
   * Lists, then watches the kind (label selector given), for ever: resumes, relists on 410, reconnects with backoff,
   * never stops silently. `metadataOnly` asks for PartialObjectMetadata (Secrets). Returns a function that stops it.
   */
  watch(kind: KindReference, options: WatchOptions, listener: WatchListener): () => void;
  /**
   * Where Chandler itself connects to reach a Service of this cluster: the cluster IP, so that no cluster DNS is
   * needed, but a route to it.
   */
  reach(service: { namespace: string; name: string; port: number }): Promise<{ host: string; port: number }>;
  /**
   * Access of a ServiceAccount's own, for a child process (TokenRequest): the text of a kubeconfig.
   * @param seconds how long it is good, 600 at least; the API server may give less
   * @throws KubeError 404 when there is no such account
   */
  lend(account: { namespace: string; name: string }, seconds: number): Promise<Redacted<string>>;
  /** Whether the API server answers `/readyz` (2 s at most). */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

export interface ApplyOptions {
  /** Changes nothing; the answer shows what the apply would make of the object. */
  dryRun?: boolean;
}

export interface DeleteOptions {
  uid: string;
  orphan?: boolean;
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  /** Asks for PartialObjectMetadata: no content travels. */
  metadataOnly?: boolean;
}

export interface WatchOptions {
  labelSelector: string;
  metadataOnly: boolean;
}

export interface WatchListener {
  /** After each (re)list: exactly these objects exist. */
  onSync(objects: KubeObject[]): Promise<void> | void;
  onChange(change: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }): Promise<void> | void;
  /** A watch that broke and will be taken up again; for logs and metrics. */
  onBreak(cause: unknown): void;
}
