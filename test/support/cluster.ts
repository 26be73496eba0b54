/** What a person would look up with kubectl, for tests. */
import { AppsV1Api, BatchV1Api, CoreV1Api, KubeConfig, type V1Secret } from '@kubernetes/client-node';
import pg from 'pg';
import { inject } from 'vitest';

export function kubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(inject('kubeconfigPath'));
  return config;
}

export const core = (): CoreV1Api => kubeConfig().makeApiClient(CoreV1Api);
export const apps = (): AppsV1Api => kubeConfig().makeApiClient(AppsV1Api);
export const batch = (): BatchV1Api => kubeConfig().makeApiClient(BatchV1Api);

export function decoded(secret: V1Secret): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}

export interface Login {
  host: string;
  port: number;
  username: string;
  password: string;
  database: string;
}

/** Logs in to a provisioned database from this machine, which cannot resolve names of the cluster's DNS. */
export async function logIn(login: Login): Promise<pg.Client> {
  const [name, namespace] = login.host.split('.');
  const service = await core().readNamespacedService({ name: name ?? '', namespace: namespace ?? '' });
  const client = new pg.Client({
    host: service.spec?.clusterIP ?? '',
    port: login.port,
    user: login.username,
    password: login.password,
    database: login.database,
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Runs one statement in a session of its own. */
export async function runSql<Row extends object>(login: Login, sql: string): Promise<Row[]> {
  const client = await logIn(login);
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
