/**
 * A Kubernetes cluster in memory, for tests that must be fast. It passes the same contract as the real one
 * (cluster-contract.ts); what that does not promise, do not rely on.
 */
import type { JsonObject } from '../lib/json.ts';
import { Redacted } from '../lib/redacted.ts';
import type { ServedKind } from './discovery.ts';
import { builtInKinds, hasFinalizers, mergeApplied, withStringData } from './fake-objects.ts';
import { selectorOf } from './fake-selector.ts';
import { FakeStore, kindKey, objectKey, referenceOf } from './fake-store.ts';
import { asJson, textAt } from './json-at.ts';
import { collectionPath, homePath, objectPath } from './object-path.ts';
import { serviceDnsName } from './service-dns-name.ts';
import {
  type ApplyOptions,
  type ApplyResult,
  type Cluster,
  type ClusterVersion,
  type DeleteOptions,
  type KindReference,
  KubeError,
  type KubeObject,
  type ListOptions,
  type ObjectReference,
  type WatchListener,
  type WatchOptions,
} from './types.ts';
import { servedIn, UnknownKind } from './unknown-kind.ts';
import type { WatchTimes } from './watch.ts';

export type FakeVerb = 'get' | 'list' | 'create' | 'apply' | 'dry-run' | 'delete' | 'watch';

export interface FakeRequest {
  verb: FakeVerb;
  /** For `list` and `watch` the name is empty. */
  reference: ObjectReference;
}

export interface FakeClusterOptions {
  name?: string;
  /** Workloads and claims become ready this long after they were made or changed; never, when absent. */
  autoReadyMs?: number;
  /** How long a namespace stays Terminating before it goes with all it holds. */
  namespaceDeletionMs?: number;
  watch?: Partial<WatchTimes>;
}

export class FakeCluster implements Cluster {
  readonly name: string;
  /** Every request in order, failed ones too. */
  readonly requests: FakeRequest[] = [];
  /** What the next applies answer in `Warning:` headers. */
  warnings: string[] = [];
  /** What `ready()` answers. */
  isReady = true;
  readonly #watchTimes: Partial<WatchTimes>;
  readonly #store: FakeStore;
  readonly #kinds = builtInKinds();
  readonly #failures: { predicate: (request: FakeRequest) => boolean; error: KubeError }[] = [];
  readonly #stops = new Set<() => void>();

  constructor(options: FakeClusterOptions = {}) {
    this.name = options.name ?? 'fake';
    this.#watchTimes = { initialBackoffMs: 1, maximumBackoffMs: 10, unknownKindMs: 20, ...options.watch };
    this.#store = new FakeStore({
      autoReadyMs: options.autoReadyMs,
      namespaceDeletionMs: options.namespaceDeletionMs ?? 0,
    });
    for (const namespace of ['default', 'kube-system']) this.addNamespace(namespace);
  }

  /** Adds a kind, as a CustomResourceDefinition does. */
  addKind(kind: KindReference, options: { namespaced: boolean }): void {
    this.#kinds.set(kindKey(kind), options.namespaced);
  }

  addNamespace(name: string): void {
    this.#store.insert({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  /** The next request that fits fails with this error, before it has any effect. */
  failNext(predicate: (request: FakeRequest) => boolean, error: KubeError): void {
    this.#failures.push({ predicate, error });
  }

  /** Writes the status, as a controller does. */
  setStatus(reference: ObjectReference, status: JsonObject): void {
    const key = objectKey(reference);
    const stored = this.#store.find(reference);
    if (stored === undefined) throw notFound(reference);
    this.#store.replace(key, stored, { ...stored.object, status });
  }

  /** Takes all finalizers off, so that an object that waits to be deleted goes. */
  removeFinalizers(reference: ObjectReference): void {
    const key = objectKey(reference);
    const stored = this.#store.find(reference);
    if (stored === undefined) return;
    const { finalizers: _removed, ...metadata } = stored.object.metadata;
    this.#store.replace(key, stored, { ...stored.object, metadata });
  }

  /** Changes an object as another client does; what our field manager applied stays noted as it was. */
  edit(reference: ObjectReference, change: (object: KubeObject) => void): void {
    const stored = this.#store.find(reference);
    if (stored === undefined) throw notFound(reference);
    const changed = structuredClone(stored.object);
    change(changed);
    this.#store.replace(objectKey(reference), stored, changed);
  }

  /** Removes an object at once, as somebody else would. */
  vanish(reference: ObjectReference): void {
    this.#store.remove(objectKey(reference));
  }

  /** All open watches lose their connection and take it up again. */
  breakWatches(cause: unknown = new KubeError(0, 'ConnectionLost', 'The connection broke.')): void {
    this.#store.watches.breakAll(cause);
  }

  /** Every object there is. */
  all(): KubeObject[] {
    return [...this.#store.objects.values()].map(({ object }) => structuredClone(object));
  }

  async version(): Promise<ClusterVersion> {
    const kinds = [...this.#kinds.keys()];
    const groups = kinds.map((key) => key.slice(0, key.lastIndexOf('/')));
    return { gitVersion: 'v1.34.4', apiVersions: [...new Set([...groups, ...kinds])].sort() };
  }

  async isNamespaced(kind: KindReference): Promise<boolean> {
    return this.#find(kind).namespaced;
  }

  async pluralOf(kind: KindReference): Promise<string> {
    return this.#find(kind).plural;
  }

  /** Nobody but the contract connects with it. */
  async lend(account: { namespace: string; name: string }): Promise<Redacted<string>> {
    const reference = { apiVersion: 'v1', kind: 'ServiceAccount', ...account };
    if (this.#store.find(reference) !== undefined) return new Redacted('{}');
    throw new KubeError(404, 'NotFound', `serviceaccounts "${account.name}" not found`);
  }

  async get(reference: ObjectReference): Promise<KubeObject | undefined> {
    await this.#admit('get', reference);
    objectPath(this.#find(reference), reference.namespace, reference.name);
    const stored = this.#store.find(reference);
    return stored === undefined ? undefined : structuredClone(stored.object);
  }

  async list(kind: KindReference, options: ListOptions = {}): Promise<KubeObject[]> {
    const namespace = options.namespace ?? '';
    await this.#admit('list', { ...kind, namespace, name: '' });
    collectionPath(this.#find(kind), namespace);
    const found = this.#select(kind, options.labelSelector ?? '').filter(
      (object) => namespace === '' || object.metadata.namespace === namespace,
    );
    return options.metadataOnly === true
      ? found.map(({ apiVersion, kind: name, metadata }) => ({ apiVersion, kind: name, metadata }))
      : found;
  }

  async create(object: KubeObject): Promise<KubeObject> {
    const reference = referenceOf(object);
    await this.#admit('create', reference);
    const served = this.#find(object);
    objectPath(served, reference.namespace, reference.name);
    homePath(served, reference.namespace);
    this.#admitContent(reference);
    if (this.#store.find(reference) !== undefined) {
      throw new KubeError(409, 'AlreadyExists', `${served.plural} "${reference.name}" already exists`);
    }
    return structuredClone(this.#store.insert(withoutStatus(object)));
  }

  async apply(object: KubeObject, { dryRun = false }: ApplyOptions = {}): Promise<ApplyResult> {
    const reference = referenceOf(object);
    await this.#admit(dryRun ? 'dry-run' : 'apply', reference);
    const served = this.#find(object);
    objectPath(served, reference.namespace, reference.name);
    const key = objectKey(reference);
    const stored = this.#store.find(reference);
    const { uid, ...metadata } = object.metadata;
    if (uid !== undefined && uid !== stored?.object.metadata.uid) {
      throw new KubeError(409, 'Conflict', `uid mismatch: the provided object specified uid ${uid}`);
    }
    const applied = withStringData(asJson(structuredClone(withoutStatus({ ...object, metadata }))));
    if (stored === undefined) {
      this.#admitContent(reference);
      if (dryRun) return { object: applied as KubeObject, warnings: [...this.warnings] };
      this.#store.insert(managed(applied as KubeObject), applied);
    } else {
      const merged = managed(mergeApplied(asJson(stored.object), stored.applied, applied) as KubeObject);
      if (object.kind === 'Secret' && merged.type !== stored.object.type) {
        throw new KubeError(
          422,
          'Invalid',
          `Secret "${reference.name}" is invalid: type: field is immutable`,
        );
      }
      if (dryRun) return { object: structuredClone(merged), warnings: [...this.warnings] };
      this.#store.replace(key, { ...stored, applied }, merged);
    }
    const now = this.#store.find(reference)?.object ?? object;
    return { object: structuredClone(now), warnings: [...this.warnings] };
  }

  async delete(reference: ObjectReference, options: DeleteOptions): Promise<'deleting' | 'gone'> {
    await this.#admit('delete', reference);
    if (options.uid === '') throw new KubeError(400, 'InvalidUid', 'A deletion needs the uid of the object.');
    objectPath(this.#find(reference), reference.namespace, reference.name);
    const key = objectKey(reference);
    const stored = this.#store.find(reference);
    if (stored === undefined || stored.object.metadata.uid !== options.uid) return 'gone';
    if (options.orphan === true) this.#store.disown(options.uid);
    if (reference.kind === 'Namespace') this.#store.terminateNamespace(key, stored);
    else if (hasFinalizers(stored.object)) this.#store.markDeleted(key, stored);
    else this.#store.remove(key);
    return 'deleting';
  }

  watch(kind: KindReference, options: WatchOptions, listener: WatchListener): () => void {
    const list = async () => {
      await this.#admit('watch', { ...kind, name: '' });
      this.#find(kind);
      return {
        objects: this.#select(kind, options.labelSelector),
        resourceVersion: String(this.#store.serial),
      };
    };
    const stopLoop = this.#store.watches.start(kind, options, listener, list, this.#watchTimes);
    const stop = () => {
      stopLoop();
      this.#stops.delete(stop);
    };
    this.#stops.add(stop);
    return stop;
  }

  async reach(service: {
    namespace: string;
    name: string;
    port: number;
  }): Promise<{ host: string; port: number }> {
    const found = await this.get({ apiVersion: 'v1', kind: 'Service', ...service });
    if (found === undefined) {
      throw new KubeError(404, 'NotFound', `There is no Service ${service.namespace}/${service.name}.`);
    }
    const address = textAt(asJson(found), 'spec', 'clusterIP') ?? 'None';
    const host = address === 'None' ? serviceDnsName(service) : address;
    return { host, port: service.port };
  }

  async ready(): Promise<boolean> {
    return this.isReady;
  }

  async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop();
    this.#store.close();
  }

  /** Logs the request, lets other code run as a real request would, and fails it where a test wants that. */
  async #admit(verb: FakeVerb, reference: ObjectReference): Promise<void> {
    const { apiVersion, kind, namespace = '', name } = reference;
    const request = { verb, reference: { apiVersion, kind, namespace, name } };
    this.requests.push(request);
    await new Promise((resolve) => setImmediate(resolve));
    const index = this.#failures.findIndex(({ predicate }) => predicate(request));
    const failure = index < 0 ? undefined : this.#failures.splice(index, 1)[0];
    if (failure !== undefined) throw failure.error;
  }

  #find(kind: KindReference): ServedKind {
    const namespaced = this.#kinds.get(kindKey(kind));
    if (namespaced === undefined) throw new UnknownKind(kind, servedIn([...this.#kinds.keys()], kind));
    const { apiVersion, kind: name } = kind;
    return { apiVersion, kind: name, plural: `${name.toLowerCase()}s`, namespaced };
  }

  /** New content needs a namespace that is there and stays there. */
  #admitContent(reference: ObjectReference): void {
    const namespace = reference.namespace ?? '';
    if (namespace === '') return;
    const found = this.#store.find(namespaceReference(namespace));
    if (found === undefined) throw notFound(namespaceReference(namespace));
    if (found.object.metadata.deletionTimestamp === undefined) return;
    throw new KubeError(
      403,
      'Forbidden',
      `${reference.kind} "${reference.name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  }

  #select(kind: KindReference, selector: string): KubeObject[] {
    const key = kindKey(kind);
    const fits = selectorOf(selector);
    return this.all().filter((object) => kindKey(object) === key && fits(object));
  }
}

/** Notes who applied the object, as far as one field manager needs it. */
function managed(object: KubeObject): KubeObject {
  const managedFields = [{ manager: 'chandler', operation: 'Apply', apiVersion: object.apiVersion }];
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** The status is its own subresource: what a writer of the object says of it does not count. */
function withoutStatus(object: KubeObject): KubeObject {
  const { status: _ignored, ...rest } = object;
  return rest as KubeObject;
}

function namespaceReference(name: string): ObjectReference {
  return { apiVersion: 'v1', kind: 'Namespace', name };
}

function notFound(reference: ObjectReference): KubeError {
  return new KubeError(404, 'NotFound', `${reference.kind.toLowerCase()}s "${reference.name}" not found`);
}
