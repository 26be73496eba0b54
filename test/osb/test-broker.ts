/** The HTTP side of a broker on a real Postgres; a scripted worker finishes what it promises. */
import pg from 'pg';
import { renderDashboardUrl } from '../../src/catalog/render-dashboard-url.ts';
import { validateParameters } from '../../src/catalog/validate-parameters.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { createApp } from '../../src/osb/create-app.ts';
import { type Listening, listen } from '../../src/osb/listen.ts';
import type { AppDeps } from '../../src/osb/types.ts';
import type { Store } from '../../src/store/types.ts';
import { type Events, silentEvents } from '../../src/telemetry/events.ts';
import { testCredentials } from '../support/osb-broker.ts';
import { type Answer, type Sent, send, snapshotRows } from '../support/osb-client.ts';
import { openTestStore, type TestStore } from '../support/store.ts';
import { ScriptedWorker } from './scripted-worker.ts';
import { testCatalog } from './test-catalog.ts';

export { type Answer, basic, otherCredential, type Sent } from '../support/osb-client.ts';

export interface TestBroker {
  store: Store;
  worker: ScriptedWorker;
  http: Listening;
  databaseUrl: string;
  send(sent: Sent): Promise<Answer>;
  /** Number and digest of the rows of every table: equal before and after means that nothing was written. */
  rows(): Promise<string>;
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function startTestBroker(
  options: {
    events?: Partial<Events>;
    settings?: Partial<AppDeps['settings']>;
    access?: Partial<AppDeps['access']>;
    deps?: Partial<AppDeps>;
  } = {},
): Promise<TestBroker> {
  const opened: TestStore = await openTestStore();
  const { store } = opened;
  for (const { revision, charts } of testCatalog.compiledPlans) await store.putRevision(revision, charts);
  const app = createApp({
    store,
    catalog: testCatalog,
    events: { ...silentEvents, ...options.events },
    validateParameters,
    renderDashboardUrl,
    newPassword: generatePassword,
    settings: {
      clusterName: 'default',
      ownNamespace: 'chandler',
      syncWaitMs: 5000,
      quickWaitMs: 100,
      ...options.settings,
    },
    credentials: testCredentials(),
    access: {
      namespaceExists: () => Promise.resolve(true),
      fixedVolumes: () => Promise.resolve([]),
      ...options.access,
    },
    readinessChecks: [],
    ...options.deps,
  });
  const http = await listen(app, { host: '127.0.0.1', port: 0 });
  const database = new pg.Client({ connectionString: opened.url });
  await database.connect();
  const query = async (sql: string) => (await database.query<Record<string, unknown>>(sql)).rows;
  return {
    store,
    worker: new ScriptedWorker(store),
    http,
    databaseUrl: opened.url,
    query,
    send: (sent) => send(http.port, sent),
    rows: () => snapshotRows(query),
    close: async () => {
      await http.close(1000);
      await database.end();
      await opened.close();
    },
  };
}
