// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/**
 * A plan that is made in a moment, for tests that make hundreds: a chart without pods, and a real PostgreSQL server
 * that all instances share, so that each bind makes a login that can be tried.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { stringify } from 'yaml';
import { type BlackHole, startBlackHole } from '../../support/black-hole.ts';
import { type PostgresqlServer, startPostgresqlServer } from '../../support/postgresql-server.ts';

/** Credentials of a binding, as far as a login needs them. */
export interface LoginData {
  username: string;
  password: string;
  database: string;
}

export interface QuickPlan {
  /** For CHANDLER_CATALOG. */
  catalogFolder: string;
  ids: { service_id: string; plan_id: string };
  server: PostgresqlServer;
  /** What the brokers go through on their way to the server. */
  way: BlackHole;
  /** Whether the server lets this login in. */
  works(login: LoginData): Promise<boolean>;
  /** Logins of bindings that the server has. */
  loginRoles(): Promise<string[]>;
  remove(): Promise<void>;
}

const chartFiles = {
  'Chart.yaml': 'apiVersion: v2\nname: quick\nversion: 0.1.0\n',
  'templates/settings.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { note: {{ .Values.note | quote }}, admin: {{ .Values.existingSecret | quote }} }
`,
  'templates/service.yaml': `apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec: { ports: [{ port: 5432 }] }
`,
};

const ids = { service_id: 'chaos-offering', plan_id: 'chaos-plan' };

/** The server dies with this process; `remove` takes the files too. */
export async function createQuickPlan(): Promise<QuickPlan> {
  const server = await startPostgresqlServer(18);
  const way = await startBlackHole(`postgresql://${server.host}:${server.port}`);
  const root = await mkdtemp(join(tmpdir(), 'chandler-chaos-catalog-'));
  for (const [file, text] of Object.entries(chartFiles))
    await write(join(root, 'charts', 'quick', file), text);
  const catalogFolder = join(root, 'catalog');
  await write(join(catalogFolder, 'quick.yaml'), stringify(offering(server, new URL(way.url))));
  return {
    catalogFolder,
    ids,
    server,
    way,
    works: (login) => works(server, login),
    async loginRoles() {
      const { rows } = await server.asSuperuser(
        `select rolname::text as name from pg_roles where rolcanlogin and rolname like 'b\\_%'`,
      );
      return rows.map(({ name }: { name: string }) => name);
    },
    async remove() {
      way.close();
      await server.stop();
      await rm(root, { recursive: true });
    },
  };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
}

function offering({ admin }: PostgresqlServer, { hostname, port }: URL): object {
  return {
    apiVersion: 'chandler.dev/v1',
    kind: 'ServiceOffering',
    id: ids.service_id,
    name: 'quick',
    description: 'Made in a moment',
    parameters: { note: { type: 'string', default: '', description: 'Anything', update: 'allowed' } },
    resources: [
      { id: 'admin', secret: { username: admin.username, password: admin.password.reveal() } },
      {
        id: 'server',
        helm: {
          chart: 'charts/quick',
          values: { note: '${parameters.note}', existingSecret: '${admin.name}' },
        },
      },
    ],
    outputs: { host: hostname, port: Number(port) },
    bind: { engine: 'postgresql', admin: 'admin' },
    sync: { bind: true, unbind: true },
    timeouts: { provision: '10m', update: '10m', deprovision: '10m', bind: '10m', unbind: '10m' },
    plans: [{ id: ids.plan_id, name: 'small', description: 'Small' }],
  };
}

/** What PostgreSQL says to a login that it does not know, that may not log in, or whose database is gone. */
const refusals = new Set(['28P01', '28000', '3D000', '42501']);

async function works({ host, port }: PostgresqlServer, login: LoginData): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const { username: user, password, database } = login;
    const client = new Client({ host, port, user, password, database, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
      if (refusals.has(code)) return false;
      // Too many connections, or a server out of breath, says nothing about the login.
      if (attempt === 5) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 500));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
