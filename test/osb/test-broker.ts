/** The HTTP side of a broker on a real Postgres, and a client that sends exactly what a test says. */
import { request as httpRequest } from 'node:http';
import pg from 'pg';
import { validateParameters } from '../../src/catalog/validate-parameters.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { createApp } from '../../src/osb/create-app.ts';
import { type Listening, listen } from '../../src/osb/listen.ts';
import type { AppDeps } from '../../src/osb/types.ts';
import type { Store } from '../../src/store/types.ts';
import { type Events, silentEvents } from '../../src/telemetry/events.ts';
import { openTestStore, type TestStore } from '../support/store.ts';
import { ScriptedWorker } from './scripted-worker.ts';
import { testCatalog } from './test-catalog.ts';

export const credential = basic('platform', 'correct horse');
export const otherCredential = basic('other', 'battery staple');

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export interface Sent {
  method?: string;
  /** As it goes over the wire: nothing is encoded or normalised. */
  path: string;
  /** Added to the usual ones; undefined takes one away. */
  headers?: Record<string, string | undefined>;
  /** An object is sent as JSON, anything else as it is. */
  body?: JsonObject | string | Buffer;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The parsed body; every answer must be a JSON object. */
  json: JsonObject;
}

export interface TestBroker {
  store: Store;
  worker: ScriptedWorker;
  http: Listening;
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
    access?: AppDeps['access'];
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
    newPassword: generatePassword,
    settings: {
      clusterName: 'default',
      ownNamespace: 'chandler',
      syncWaitMs: 5000,
      quickWaitMs: 100,
      ...options.settings,
    },
    credentials: [
      {
        username: 'platform',
        password: new Redacted('correct horse'),
        platform: 'kubernetes',
        namespaces: ['team-*', 'shop'],
      },
      {
        username: 'other',
        password: new Redacted('battery staple'),
        platform: 'cloudfoundry',
        namespaces: ['*'],
      },
    ],
    access: options.access ?? { namespaceExists: () => Promise.resolve(true) },
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
    query,
    send: (sent) => send(http.port, sent),
    rows: () => snapshot(query),
    close: async () => {
      await http.close(1000);
      await database.end();
      await opened.close();
    },
  };
}

export function send(port: number, sent: Sent): Promise<Answer> {
  const json = sent.body !== undefined && typeof sent.body !== 'string' && !Buffer.isBuffer(sent.body);
  const headers = Object.entries({
    authorization: credential,
    'x-broker-api-version': '2.17',
    ...(json ? { 'content-type': 'application/json' } : {}),
    ...sent.headers,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: sent.method ?? 'GET',
        path: sent.path,
        headers: Object.fromEntries(headers),
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          try {
            const parsed = JSON.parse(text) as JsonObject;
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed });
          } catch (error) {
            reject(new Error(`not JSON: ${response.statusCode} ${text}`, { cause: error }));
          }
        });
      },
    );
    request.on('error', reject);
    request.end(json ? JSON.stringify(sent.body) : sent.body);
  });
}

async function snapshot(query: (sql: string) => Promise<Record<string, unknown>[]>): Promise<string> {
  const tables = await query(
    `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  const digests = tables.map(
    ({ name }) =>
      `select '${String(name)}' as name, count(*) as rows, md5(string_agg(t::text, '|' order by t::text)) as digest from ${String(name)} t`,
  );
  return JSON.stringify(await query(digests.join(' union all ')), null, 1);
}
