/**
 * A whole life cycle with canaries wherever something is secret; then everything that is written down or visible on the
 * way is searched for them: the database, all logs, Events, arguments of processes, and what HTTP refusals say.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { AppNamespace, sampleAppDeployment, sampleAppMark } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, decoded, eventually, type Login, logIn, runSql } from '../support/cluster.ts';
import { databaseAsText } from '../support/database-as-text.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { type ArgumentsWatch, watchProcessArguments } from '../support/process-arguments.ts';

const canary = (what: string) => `canary-${what}-${randomBytes(12).toString('hex')}`;
/** By what each is, so that a leak is told without being printed. */
const secrets = new Map<string, string>([
  ['platform password', ''],
  ['context', canary('context')],
  ['originating identity', canary('identity')],
  ['refused parameter', canary('parameter')],
  ['wrong password', canary('wrong')],
  ['token of the cluster', canary('token')],
]);
const secret = (what: string) => secrets.get(what) ?? '';

let home: BrokerHome;
let broker: TestBroker;
let app: AppNamespace;
let instance: PlatformInstance;
let plan: { service_id: string; plan_id: string };
let argumentsWatch: ArgumentsWatch;
/** What the search goes through, by where it comes from. */
const texts = new Map<string, string>();
const add = (where: string, text: string) => texts.set(where, `${texts.get(where) ?? ''}${text}\n`);

beforeAll(async () => {
  argumentsWatch = watchProcessArguments();
  home = await createBrokerHome();
  secrets.set('platform password', home.password);
  secrets.set(
    'key',
    (await readFile(home.environment.CHANDLER_KEY_FILE ?? '', 'utf8')).split(':').at(-1)?.trim() ?? '',
  );
  secrets.set('password of the database', decodeURIComponent(new URL(home.databaseUrl).password));
  broker = await home.start({ CHANDLER_LEASE_SECONDS: '5' });
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  plan = await firstPlan(broker);
  instance = new PlatformInstance(plan, app.name);
});

afterAll(async () => {
  await argumentsWatch?.stop();
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

interface Call {
  body?: JsonObject;
  password?: string;
}

/** With canaries in the identity; the text of every refusal is kept. */
async function call(method: string, path: string, { body, password = home.password }: Call = {}) {
  const identity = Buffer.from(JSON.stringify({ user: secret('originating identity') })).toString('base64');
  const answer = await fetch(`${broker.url}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`platform:${password}`).toString('base64')}`,
      'x-broker-api-version': '2.17',
      'x-broker-api-originating-identity': `kubernetes ${identity}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (answer.status >= 400) add('HTTP errors', `${answer.status} ${text}`);
  return { status: answer.status, body: JSON.parse(text) as JsonObject };
}

const context = () => ({ platform: 'kubernetes', namespace: app.name, private: secret('context') });
const query = () => `service_id=${plan.service_id}&plan_id=${plan.plan_id}&accepts_incomplete=true`;

async function bind(bindingId: string, more: JsonObject = {}): Promise<Login> {
  const path = instance.bindingPath(bindingId);
  const { status, body } = await call('PUT', `${path}?accepts_incomplete=true`, {
    body: { ...plan, context: context(), ...more },
  });
  expect([201, 202]).toContain(status);
  await broker.client.untilFinished(path, () => undefined);
  const credentials =
    (body.credentials as unknown as Login | undefined) ?? (await instance.credentials(broker, bindingId));
  secrets.set(`password of binding ${secrets.size}`, credentials.password);
  return credentials;
}

async function keepEvents(): Promise<void> {
  const { items } = await core().listEventForAllNamespaces();
  for (const { metadata, reason, message } of items) {
    if (metadata.namespace === app.name || metadata.namespace?.startsWith('i-') === true)
      add('Events', JSON.stringify({ metadata, reason, message }));
  }
}

async function keepPodLogs(namespace: string): Promise<void> {
  const { items } = await core().listNamespacedPod({ namespace });
  for (const { metadata } of items) {
    const log = await core().readNamespacedPodLog({ name: metadata?.name ?? '', namespace });
    add('pod logs', log);
  }
}

async function failed(path: string): Promise<void> {
  const state = async () => {
    const { body } = await call('GET', `${path}/last_operation`);
    if (body.state === 'failed') add('HTTP errors', JSON.stringify(body));
    return body.state === 'failed' ? true : undefined;
  };
  await eventually(`the operation on ${path} failed`, state);
}

/** A cluster that is not there. */
function strayKubeconfig(token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'stray', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'stray', user: { token } }],
    contexts: [{ name: 'stray', context: { cluster: 'stray', user: 'stray' } }],
    'current-context': 'stray',
  });
}

it('goes through a whole life, with refusals, failures and a crash on the way', async () => {
  const provisioned = await call('PUT', `${instance.path}?accepts_incomplete=true`, {
    body: { ...plan, organization_guid: 'org', space_guid: 'space', context: context() },
  });
  expect(provisioned.status).toBe(202);
  await instance.untilFinished(broker);
  const [namespace] = await namespacesOf(home, instance.id);
  const database = namespace?.metadata?.name ?? '';
  const admin = await core().listNamespacedSecret({ namespace: database });
  for (const each of admin.items) secrets.set('admin password', decoded(each).password ?? '');

  const [first, second, lost] = [randomUUID(), randomUUID(), randomUUID()];
  const login = await bind(first);
  const bindingName = await app.findBindingSecret(first);
  await app.deploy(
    sampleAppDeployment({
      namespace: app.name,
      name: 'sample-app',
      bindingName,
      image: inject('postgresqlImage'),
    }),
  );
  await app.waitForLine('sample-app', sampleAppMark);
  await keepPodLogs(app.name);
  await app.deleteDeployment('sample-app');
  await runSql(login, 'create table kept (line text)');
  await expect(runSql(login, 'select * from nothing')).rejects.toThrow();

  // Refused, in every way that could quote what was sent.
  await call('PUT', instance.path, { body: plan, password: secret('wrong password') });
  const parameters = { storage: secret('refused parameter'), unknown: secret('refused parameter') };
  await call('PATCH', `${instance.path}?accepts_incomplete=true`, { body: { ...plan, parameters } });
  await call('PUT', `${instance.path}?accepts_incomplete=true`, {
    body: { ...plan, organization_guid: 'other', space_guid: 'space', context: context() },
  });
  await call('PUT', `${instance.bindingPath(first)}?accepts_incomplete=true`, {
    body: { ...plan, context: { ...context(), namespace: 'another' }, bind_resource: { app_guid: 'app' } },
  });

  const updated = await call('PATCH', `${instance.path}?accepts_incomplete=true`, {
    body: { ...plan, context: context(), parameters: { maxConnections: 60 } },
  });
  expect(updated.status).toBe(202);
  await instance.untilFinished(broker);
  await bind(second, { predecessor_binding_id: first });
  expect((await call('DELETE', `${instance.bindingPath(first)}?${query()}`)).status).toBe(200);
  await expect(logIn(login)).rejects.toThrow();

  // A delivery that Kubernetes refuses, and a process that dies in the middle of a bind.
  const full = new AppNamespace(inject('kubeconfigPath'), `${app.name}-full`);
  await full.create();
  await core().createNamespacedResourceQuota({
    namespace: full.name,
    body: { metadata: { name: 'none' }, spec: { hard: { 'count/secrets': '0' } } },
  });
  await sleep(1000);
  await call('PUT', `${instance.bindingPath(lost)}?accepts_incomplete=true`, {
    body: { ...plan, context: { ...context(), namespace: full.name } },
  });
  await failed(instance.bindingPath(lost));
  await full.remove();
  const killed = broker.killAt(({ message }) => message === 'operation claimed');
  const crashed = randomUUID();
  await instance.startBind(broker, crashed).catch(() => undefined);
  await killed;
  add('broker logs', broker.log());
  broker = await home.start({ CHANDLER_LEASE_SECONDS: '5' });
  await broker.client.untilFinished(instance.bindingPath(crashed), () => undefined);
  secrets.set('password of the crashed bind', (await instance.credentials(broker, crashed)).password);

  await keepEvents();
  await keepPodLogs(database);
  expect((await call('DELETE', `${instance.path}?${query()}`)).status).toBe(202);
  await instance.untilFinished(broker);
  expect((await call('DELETE', `${instance.path}?${query()}`)).status).toBe(410);
});

it('refuses what it cannot do without its database and its cluster, in words that give nothing away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chandler-secrets-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, strayKubeconfig(secret('token of the cluster')), { mode: 0o600 });
  const astray = await home.start({ CHANDLER_KUBECONFIG: kubeconfig });
  const ready = await fetch(`${astray.url}/readyz`);
  expect(ready.status).toBe(503);
  add('HTTP errors', await ready.text());
  add('broker logs', astray.log());
  await astray.kill('SIGTERM');
  await rm(folder, { recursive: true });
  const { stderr, stdout } = await home.startAndFail({
    DATABASE_URL: home.databaseUrl.replace(/:\d+\//, ':1/'),
  });
  add('broker logs', stderr + stdout);
});

it('has left none of the secrets anywhere', async () => {
  await keepEvents();
  add('broker logs', broker.log());
  add('database', await databaseAsText(home.databaseUrl));
  add('process arguments', (await argumentsWatch.stop()).join('\n'));
  const auditLogPath = inject('auditLogPath');
  if (auditLogPath !== '') add('audit log', await readFile(auditLogPath, 'utf8'));

  // Each source holds what it should: an empty one would prove nothing.
  expect(texts.get('database')).toContain(instance.id);
  expect(texts.get('broker logs')).toContain('operation succeeded');
  expect(texts.get('pod logs')).toContain(sampleAppMark);
  expect(texts.get('pod logs')).toContain('database system is ready');
  expect(texts.get('Events')).toContain('Pulled');
  expect(texts.get('process arguments')).toMatch(/helm.* template/);
  expect(texts.get('HTTP errors')).toMatch(/401[\s\S]*400[\s\S]*409/);
  const found: string[] = [];
  for (const [what, value] of secrets) {
    expect(value.length, what).toBeGreaterThan(10);
    const disguises = [
      value,
      Buffer.from(value).toString('base64'),
      encodeURIComponent(value),
      Buffer.from(value).toString('hex'),
    ];
    for (const [where, text] of texts) {
      if (disguises.some((each) => text.includes(each))) found.push(`${what} in ${where}`);
    }
  }
  console.log(
    `searched for ${secrets.size} secrets in ${[...texts].map(([where, text]) => `${where} (${text.length} characters)`).join(', ')}`,
  );
  expect(found).toEqual([]);
});
