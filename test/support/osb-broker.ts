/**
 * A whole broker for tests of the protocol: real HTTP, real Postgres, real worker; what it makes is in memory
 * (fake-kind.ts), and so is the cluster that Secrets are delivered to. Nothing in it takes longer than a test asks for.
 */
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { renderDashboardUrl } from '../../src/catalog/render-dashboard-url.ts';
import type { Catalog } from '../../src/catalog/types.ts';
import { validateParameters } from '../../src/catalog/validate-parameters.ts';
import { createDelivery } from '../../src/delivery/kubernetes-delivery.ts';
import { type OsbOptions, osbOptionsFor } from '../../src/domain/osb-options.ts';
import { FakeCluster } from '../../src/kube/fake-cluster.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { createApp } from '../../src/osb/create-app.ts';
import { type Listening, type ListenOptions, listen } from '../../src/osb/listen.ts';
import type { AppDeps, BasicCredential } from '../../src/osb/types.ts';
import type { Store } from '../../src/store/types.ts';
import { type Events, silentEvents } from '../../src/telemetry/events.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { FakeService } from './fake-kind.ts';
import { type Answer, type Sent, send, snapshotRows } from './osb-client.ts';
import { openTestStore } from './store.ts';

export interface OsbBrokerOptions {
  /** Laid over the defaults for every platform. */
  options?: Partial<OsbOptions>;
  credentials?: readonly BasicCredential[];
  settings?: Partial<AppDeps['settings']>;
  events?: Partial<Events>;
  fixedVolumes?: AppDeps['access']['fixedVolumes'];
  /** In place of the one in test/support/fake-catalog. */
  catalog?: Catalog;
  /** `send` knows only plain HTTP. */
  tls?: NonNullable<ListenOptions['tls']>;
}

export interface OsbBroker {
  store: Store;
  fake: FakeService;
  /** Where Secrets are delivered; it has the namespaces `team-a`, `team-b` and `shop`. */
  cluster: FakeCluster;
  catalog: Catalog;
  url: string;
  send(sent: Sent): Promise<Answer>;
  rows(): Promise<string>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Another process on the same database and the same fake, with the same catalog or a newer one. */
  another(newer?: Catalog): Promise<Pick<OsbBroker, 'send' | 'url'>>;
  close(): Promise<void>;
}

/** The credentials of most tests: two platforms, the first of which delivers to namespaces of its own. */
export function testCredentials(options: Partial<OsbOptions> = {}): BasicCredential[] {
  return [
    {
      username: 'platform',
      password: new Redacted('correct horse'),
      platform: 'kubernetes',
      namespaces: ['team-*', 'shop'],
      delivers: true,
      options: osbOptionsFor('kubernetes', options),
    },
    {
      username: 'other',
      password: new Redacted('battery staple'),
      platform: 'cloudfoundry',
      namespaces: ['*'],
      delivers: false,
      options: osbOptionsFor('cloudfoundry', options),
    },
  ];
}

/** @param edit changes the text of the offering `fake`, as an admin who edits the file */
export async function loadFakeCatalog(edit: (text: string) => string = (text) => text): Promise<Catalog> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chandler-fake-catalog-'));
  try {
    await cp(path.join(import.meta.dirname, 'fake-catalog'), folder, { recursive: true });
    const file = path.join(folder, 'fake.yaml');
    await writeFile(file, edit(await readFile(file, 'utf8')));
    return await loadCatalog({ folder, kinds: { engines: ['fake'], provisioners: ['fake'] } });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const noHelm = () => Promise.reject(new Error('the plans of the fake have no charts'));

export async function startOsbBroker(given: OsbBrokerOptions = {}): Promise<OsbBroker> {
  const opened = await openTestStore();
  const catalog = given.catalog ?? (await loadFakeCatalog());
  const fake = new FakeService();
  const cluster = new FakeCluster({ name: 'default', autoReadyMs: 1 });
  for (const namespace of ['team-a', 'team-b', 'shop']) cluster.addNamespace(namespace);
  const events = { ...silentEvents, ...given.events };
  const undo: (() => Promise<void>)[] = [];

  async function startProcess(store: Store, catalog: Catalog): Promise<Listening> {
    for (const { revision, charts } of catalog.compiledPlans) await store.putRevision(revision, charts);
    const worker = startWorker({
      store,
      clusterOf: () => cluster,
      helm: { version: noHelm, render: noHelm, upgrade: noHelm, uninstall: noHelm },
      chartPath: noHelm,
      providers: fake.providers,
      externals: fake.externals,
      delivery: createDelivery(),
      events,
      settings: { owner: `worker-${randomUUID()}`, concurrency: 16, leaseSeconds: 30 },
    });
    undo.push(() => worker.stop(1000));
    const app = createApp({
      store,
      catalog,
      events,
      validateParameters,
      renderDashboardUrl,
      newPassword: generatePassword,
      settings: {
        clusterName: 'default',
        ownNamespace: 'chandler',
        syncWaitMs: 10_000,
        quickWaitMs: 1500,
        ...given.settings,
      },
      credentials: given.credentials ?? testCredentials(given.options),
      access: {
        namespaceExists: () => Promise.resolve(true),
        fixedVolumes: given.fixedVolumes ?? (() => Promise.resolve([])),
      },
      readinessChecks: [],
    });
    const tls = given.tls === undefined ? {} : { tls: given.tls };
    const http = await listen(app, { host: '127.0.0.1', port: 0, ...tls });
    undo.push(() => http.close(1000));
    return http;
  }

  const http = await startProcess(opened.store, catalog);
  const database = new pg.Client({ connectionString: opened.url });
  await database.connect();
  const query = async (sql: string) => (await database.query<Record<string, unknown>>(sql)).rows;
  return {
    store: opened.store,
    fake,
    cluster,
    catalog,
    url: http.url,
    query,
    send: (sent) => send(http.port, sent),
    rows: () => snapshotRows(query),
    async another(newer = catalog) {
      const second = await startProcess(await opened.openAnother(), newer);
      return { url: second.url, send: (sent) => send(second.port, sent) };
    },
    async close() {
      for (const step of undo.reverse()) await step();
      await database.end();
      await cluster.close();
      await opened.close();
    },
  };
}

let count = 0;

/** An id that nobody used before. */
export function freshId(): string {
  count += 1;
  return `${process.pid}-${Date.now().toString(36)}-${count}`;
}

/** The requests of a well-behaved platform for one instance of the fake offering, to be varied by tests. */
export function fakeRequests(plan = 'slow', id = freshId(), service = 'fake-service') {
  const instance = `/v2/service_instances/${id}`;
  const binding = (bindingId: string) => `${instance}/service_bindings/${bindingId}`;
  const asynchronous = 'accepts_incomplete=true';
  const ids = `service_id=${service}&plan_id=${plan}`;
  const body: JsonObject = { service_id: service, plan_id: plan };
  return {
    id,
    instance,
    binding,
    provision: (values: JsonObject = {}, query = asynchronous): Sent => ({
      method: 'PUT',
      path: `${instance}?${query}`,
      body: { ...body, organization_guid: 'org', space_guid: 'space', ...values },
    }),
    update: (values: JsonObject = {}, query = asynchronous): Sent => ({
      method: 'PATCH',
      path: `${instance}?${query}`,
      body: { service_id: service, ...values },
    }),
    deprovision: (query = `${asynchronous}&${ids}`): Sent => ({
      method: 'DELETE',
      path: `${instance}?${query}`,
    }),
    fetch: (): Sent => ({ path: instance }),
    poll: (query = ''): Sent => ({ path: `${instance}/last_operation${query}` }),
    bind: (bindingId: string, values: JsonObject = {}, query = asynchronous): Sent => ({
      method: 'PUT',
      path: `${binding(bindingId)}?${query}`,
      body: { ...body, ...values },
    }),
    unbind: (bindingId: string, query = `${asynchronous}&${ids}`): Sent => ({
      method: 'DELETE',
      path: `${binding(bindingId)}?${query}`,
    }),
    fetchBinding: (bindingId: string): Sent => ({ path: binding(bindingId) }),
    pollBinding: (bindingId: string, query = ''): Sent => ({
      path: `${binding(bindingId)}/last_operation${query}`,
    }),
  };
}

export type FakeRequests = ReturnType<typeof fakeRequests>;

/** Polls until the latest operation is over. @returns the last answer of last_operation */
export async function untilOver(broker: Pick<OsbBroker, 'send'>, poll: Sent): Promise<Answer> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const answer = await broker.send(poll);
    if (answer.json.state !== 'in progress') return answer;
    if (Date.now() > deadline) throw new Error(`still in progress: ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
