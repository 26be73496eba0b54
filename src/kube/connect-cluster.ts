import { errors as undiciErrors } from 'undici';
import type { Redacted } from '../lib/redacted.ts';
import { ApiClient, type ApiClientOptions, parseJson } from './api-client.ts';
import { type AccessOptions, type AccessSource, clusterAccess, lentKubeconfig } from './cluster-access.ts';
import { Discovery, type ServedKind } from './discovery.ts';
import { asJson, textAt } from './json-at.ts';
import { lines } from './json-lines.ts';
import { toKubeObject, toListPage, toWatchEvent } from './kube-objects.ts';
import { collectionPath, homePath, objectPath } from './object-path.ts';
import { withoutSecretValues } from './scrub.ts';
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
import { UnknownKind } from './unknown-kind.ts';
import { parseWarnings } from './warnings.ts';
import { startWatch, type WatchEvent, type WatchTimes } from './watch.ts';

export interface ConnectOptions extends AccessOptions {
  name: string;
  client?: ApiClientOptions;
  watch?: Partial<WatchTimes>;
}

const fieldManager = 'chandler';
const pageSize = '500';
/** Bookmarks come about every minute; a stream silent for longer than this is taken up again on a new connection. */
const watchIdleMs = 150_000;
const uidIsAnother = /\bmetadata\.uid(: Invalid value| \(FieldValueInvalid\))/;
/** Fields that the kind does not have, or of another type: the API server answers 500, though no repetition helps. */
const doesNotFitKind = /^failed to create typed patch object /;
const reachKeptMs = 10_000;
const serviceAccounts = { apiVersion: 'v1', kind: 'ServiceAccount' };

/**
 * Connects to a cluster. Sends nothing yet, so that Chandler starts while a cluster is down; the credentials are
 * loaded, so that a wrong kubeconfig is found at once.
 * @throws KubeError 0 `AccessFailed`
 */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const access = clusterAccess(options);
  await access.current();
  return new ApiCluster(
    options.name,
    access,
    new ApiClient(options.name, access, options.client),
    options.watch ?? {},
  );
}

class ApiCluster implements Cluster {
  readonly name: string;
  readonly #access: AccessSource;
  readonly #client: ApiClient;
  readonly #discovery: Discovery;
  readonly #watchTimes: Partial<WatchTimes>;
  readonly #stops = new Set<() => void>();
  readonly #hosts = new Map<string, { host: string; until: number }>();

  constructor(name: string, access: AccessSource, client: ApiClient, watchTimes: Partial<WatchTimes>) {
    this.name = name;
    this.#access = access;
    this.#client = client;
    this.#discovery = new Discovery(client);
    this.#watchTimes = watchTimes;
  }

  version(): Promise<ClusterVersion> {
    return this.#discovery.version();
  }

  async isNamespaced(kind: KindReference): Promise<boolean> {
    return (await this.#discovery.find(kind)).namespaced;
  }

  async pluralOf(kind: KindReference): Promise<string> {
    return (await this.#discovery.find(kind)).plural;
  }

  async get(reference: ObjectReference): Promise<KubeObject | undefined> {
    const served = await this.#discovery.find(reference);
    const path = objectPath(served, reference.namespace, reference.name);
    try {
      return toKubeObject((await this.#client.send({ method: 'GET', path })).body);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list(kind: KindReference, options: ListOptions = {}): Promise<KubeObject[]> {
    const served = await this.#discovery.find(kind);
    const path = collectionPath(served, options.namespace);
    return (await this.#list(served, path, options.labelSelector, accept(options, 'List'))).objects;
  }

  async create(object: KubeObject): Promise<KubeObject> {
    const served = await this.#discovery.find(object);
    // The name is checked although it is not part of the path: both ways to create accept the same names.
    objectPath(served, object.metadata.namespace, object.metadata.name);
    const path = homePath(served, object.metadata.namespace);
    const query = { fieldManager };
    const answer = await this.#write(object, { method: 'POST', path, query, body: object });
    return toKubeObject(answer.body);
  }

  async apply(object: KubeObject, { dryRun = false }: ApplyOptions = {}): Promise<ApplyResult> {
    const served = await this.#discovery.find(object);
    try {
      const answer = await this.#write(object, {
        method: 'PATCH',
        path: objectPath(served, object.metadata.namespace, object.metadata.name),
        query: { fieldManager, force: 'true', ...(dryRun ? { dryRun: 'All' } : {}) },
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
      return { object: toKubeObject(answer.body), warnings: parseWarnings(answer.headers.warning) };
    } catch (error) {
      // The API server calls it a conflict when nothing is there, but invalid when another object took the place.
      if (error instanceof KubeError && error.status === 422 && uidIsAnother.test(error.message)) {
        throw new KubeError(409, 'Conflict', error.message, error);
      }
      if (error instanceof KubeError && error.status === 500 && doesNotFitKind.test(error.message)) {
        const inOneLine = error.message
          .replace(/ errors:\n\s*/, ' ')
          .replaceAll(/\n\s*/g, '; ')
          // What is left of a printed value.
          .replace(/, got &[\w.]*$/, '');
        throw new KubeError(422, 'Invalid', inOneLine, error);
      }
      throw error;
    }
  }

  async delete(reference: ObjectReference, options: DeleteOptions): Promise<'deleting' | 'gone'> {
    if (options.uid === '') throw new KubeError(400, 'InvalidUid', 'A deletion needs the uid of the object.');
    const served = await this.#discovery.find(reference);
    const path = objectPath(served, reference.namespace, reference.name);
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: options.orphan === true ? 'Orphan' : 'Background',
      preconditions: { uid: options.uid },
    };
    try {
      await this.#client.send({ method: 'DELETE', path, body });
      return 'deleting';
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (error.status === 404) return 'gone';
      if (error.status !== 409) throw error;
      // A conflict is another uid, or a namespace that is on its way out already.
      const found = await this.get(reference);
      if (found === undefined || found.metadata.uid !== options.uid) return 'gone';
      if (found.metadata.deletionTimestamp !== undefined) return 'deleting';
      throw error;
    }
  }

  watch(kind: KindReference, options: WatchOptions, listener: WatchListener): () => void {
    const stopLoop = startWatch(
      {
        list: async () => {
          const served = await this.#discovery.find(kind);
          const path = collectionPath(served, undefined);
          return this.#list(served, path, options.labelSelector, accept(options, 'List'));
        },
        follow: (resourceVersion, signal) => this.#follow(kind, options, resourceVersion, signal),
      },
      listener,
      this.#watchTimes,
    );
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
    const key = `${service.namespace}/${service.name}`;
    const kept = this.#hosts.get(key);
    if (kept !== undefined && kept.until > performance.now()) return { host: kept.host, port: service.port };
    const found = await this.get({ apiVersion: 'v1', kind: 'Service', ...service });
    if (found === undefined) throw new KubeError(404, 'NotFound', `There is no Service ${key}.`);
    const host = reachableHost(found, service);
    this.#hosts.set(key, { host, until: performance.now() + reachKeptMs });
    return { host, port: service.port };
  }

  async lend(account: { namespace: string; name: string }, seconds: number): Promise<Redacted<string>> {
    const served = await this.#discovery.find(serviceAccounts);
    const path = `${objectPath(served, account.namespace, account.name)}/token`;
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds },
    };
    const { body } = await this.#client.send({ method: 'POST', path, body: request });
    return lentKubeconfig(await this.#access.current(), textAt(body, 'status', 'token') ?? '');
  }

  ready(): Promise<boolean> {
    return this.#client.probe('/readyz', 2000);
  }

  async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop();
    await this.#client.close();
  }

  async #list(
    served: ServedKind,
    path: string,
    labelSelector: string | undefined,
    acceptHeader: string,
  ): Promise<{ objects: KubeObject[]; resourceVersion: string }> {
    const selected: Record<string, string> = labelSelector ? { labelSelector } : {};
    for (let restarts = 0; ; restarts += 1) {
      try {
        const objects: KubeObject[] = [];
        let next = '';
        for (;;) {
          const query = { ...selected, limit: pageSize, ...(next === '' ? {} : { continue: next }) };
          const answer = await this.#client.send({ method: 'GET', path, query, accept: acceptHeader });
          const page = toListPage(answer.body, served);
          objects.push(...page.objects);
          next = page.next;
          if (next === '') return { objects, resourceVersion: page.resourceVersion };
        }
      } catch (error) {
        // 410: the pages aged away while we read them; one new start is enough for a list that takes seconds.
        const expired = error instanceof KubeError && error.status === 410;
        if (!expired || restarts > 0) throw this.#unlessKindIsGone(error, served);
      }
    }
  }

  async *#follow(
    kind: KindReference,
    options: WatchOptions,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const served = await this.#discovery.find(kind);
    const query = {
      ...(options.labelSelector === '' ? {} : { labelSelector: options.labelSelector }),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion,
      // Spread out, so that watches do not all come back in the same second.
      timeoutSeconds: String(300 + Math.floor(Math.random() * 300)),
    };
    const path = collectionPath(served, undefined);
    const request = { method: 'GET', path, query, accept: accept(options, '') } as const;
    try {
      const body = await this.#client.stream(request, watchIdleMs, signal);
      for await (const line of lines(body)) yield toWatchEvent(parseJson(line), kind);
    } catch (error) {
      // Silence is no failure: the loop resumes where it was, on a connection that is surely alive.
      if (error instanceof undiciErrors.BodyTimeoutError) return;
      throw this.#unlessKindIsGone(error, served);
    }
  }

  async #write(object: KubeObject, request: Parameters<ApiClient['send']>[0]) {
    try {
      return await this.#client.send(request);
    } catch (error) {
      throw withoutSecretValues(this.#unlessKindIsGone(error, object), object);
    }
  }

  /** A 404 without a reason is a path that is not served any more: the CRD went, and discovery is out of date. */
  #unlessKindIsGone(error: unknown, kind: KindReference): unknown {
    if (!(error instanceof KubeError) || error.status !== 404 || error.reason !== '') return error;
    this.#discovery.forget();
    return new UnknownKind(kind);
  }
}

function accept(options: { metadataOnly?: boolean }, suffix: 'List' | ''): string {
  return options.metadataOnly
    ? `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1`
    : 'application/json';
}

function reachableHost(found: KubeObject, service: { namespace: string; name: string }): string {
  const address = textAt(asJson(found), 'spec', 'clusterIP') ?? '';
  const external = textAt(asJson(found), 'spec', 'type') === 'ExternalName';
  const usable = !external && address !== '' && address !== 'None';
  return usable ? address : serviceDnsName(service);
}
