/** Two Chandlers with different databases on one cluster, for the same platform and the same OSB ids. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { installationSelector } from '../../src/lib/labels.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type AuditedAccess, type AuditedRequest, createAuditedAccess } from '../support/audited-access.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, type Login, runSql } from '../support/cluster.ts';
import { installationId, namespacesOf, objectsOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const instanceId = randomUUID();
const bindingId = randomUUID();
const namespace = `chandler-test-${instanceId.slice(0, 8)}`;

interface Side {
  home: BrokerHome;
  broker: TestBroker;
  instance: PlatformInstance;
}

const auditLogPath = inject('auditLogPath');

let app: AppNamespace;
/** Of staging; absent where the audit log cannot be read. */
let access: AuditedAccess | undefined;
let staging: Side;
let production: Side;

async function startSide(environment: Record<string, string> = {}): Promise<Side> {
  const home = await createBrokerHome();
  const broker = await home.start(environment);
  return { home, broker, instance: new PlatformInstance(await firstPlan(broker), namespace, instanceId) };
}

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), namespace);
  await app.create();
  if (auditLogPath !== '') access = await createAuditedAccess(namespace, auditLogPath);
  staging = await startSide(access === undefined ? {} : { CHANDLER_KUBECONFIG: access.kubeconfigPath });
  production = await startSide();
});

afterAll(async () => {
  for (const side of [staging, production]) if (side !== undefined) await removeInstallation(side.home);
  await access?.remove();
  await app?.remove();
});

/** Runs the work and says what staging asked of the API server meanwhile; nothing when that cannot be known. */
async function requestsOfStaging(work: () => Promise<void>): Promise<AuditedRequest[]> {
  if (access !== undefined) return access.during(work);
  await work();
  return [];
}

/** Names under which production's objects can be asked for: its namespace, and what it delivered to the app. */
async function namesOfProduction(): Promise<string[]> {
  const namespaces = await namespacesOf(production.home);
  const delivered = await core().listNamespacedSecret({
    namespace,
    labelSelector: installationSelector(await installationId(production.home)),
  });
  return [...namespaces, ...delivered.items].map(({ metadata }) => metadata?.name ?? '');
}

/** Asks for nothing by production's names, and for everything of a kind only with the label of its own installation. */
async function expectNoneFor(requests: readonly AuditedRequest[], names: readonly string[]): Promise<void> {
  expect(requests.filter(({ namespace, name }) => names.includes(namespace) || names.includes(name))).toEqual(
    [],
  );
  const own = installationSelector(await installationId(staging.home));
  const wide = requests.filter(({ verb, namespace }) => ['list', 'watch'].includes(verb) && namespace === '');
  expect(wide.filter(({ labelSelector }) => labelSelector !== own)).toEqual([]);
}

async function mirrored({ home }: Side): Promise<string[]> {
  const rows = await queryDatabase<{ namespace: string; name: string; kind: string }>(
    home.databaseUrl,
    'select kind, namespace, name from observed_objects where gone_at is null',
  );
  return rows.map((row) => [row.kind, row.namespace, row.name].join('/')).sort();
}

async function secretsOfApp(): Promise<number> {
  const { items } = await core().listNamespacedSecret({
    namespace,
    labelSelector: `chandler.dev/binding-id=${bindingId}`,
  });
  return items.length;
}

it('make what was asked of each, side by side, and see nothing of each other', async () => {
  let logins: Login[] = [];
  const requests = await requestsOfStaging(async () => {
    await Promise.all([staging, production].map(({ instance, broker }) => instance.provision(broker)));
    logins = await Promise.all(
      [staging, production].map(({ instance, broker }) => instance.bind(broker, bindingId)),
    );
  });
  expect(new Set(logins.map(({ username }) => username)).size).toBe(2);
  expect(new Set(logins.map(({ host }) => host)).size).toBe(2);
  expect(await secretsOfApp()).toBe(2);

  const [ours, theirs] = [await mirrored(staging), await mirrored(production)];
  expect(ours.length).toBeGreaterThan(8);
  expect(theirs.length).toBe(ours.length);
  expect(ours.filter((object) => theirs.includes(object))).toEqual([]);

  const names = await namesOfProduction();
  expect(names).toHaveLength(2);
  expect(requests.length > 0).toBe(access !== undefined);
  await expectNoneFor(requests, names);
});

it('remove what is their own, and leave the other one as it was', async () => {
  const kept = await objectsOf(production.home, instanceId);
  const login = await production.instance.credentials(production.broker, bindingId);
  await runSql(login, 'create table kept (id int)');

  const names = await namesOfProduction();
  const mirrorBefore = await mirrored(production);

  await expectNoneFor(await requestsOfStaging(() => staging.instance.deprovision(staging.broker)), names);

  expect(await namespacesOf(staging.home)).toEqual([]);
  expect(await objectsOf(production.home, instanceId)).toEqual(kept);
  expect(await mirrored(production)).toEqual(mirrorBefore);
  expect(await runSql(login, 'select * from kept')).toEqual([]);
  expect(await secretsOfApp()).toBe(1);
  await production.instance.deprovision(production.broker);
  expect(await secretsOfApp()).toBe(0);
});
