/** Sweeps on a real cluster and a real server: what they find, what they delete, and what a round costs. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { identityLabels, labelKeys } from '../../src/lib/labels.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type AuditedAccess, createAuditedAccess, tally } from '../support/audited-access.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, eventually, runSql } from '../support/cluster.ts';
import { installationId, namespacesOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';
import { useUpRepairs } from '../support/use-up-repairs.ts';

const auditLogPath = inject('auditLogPath');
const namespace = `chandler-test-${randomUUID().slice(0, 8)}`;
let app: AppNamespace;
let access: AuditedAccess | undefined;
let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), namespace);
  await app.create();
  if (auditLogPath !== '') access = await createAuditedAccess(namespace, auditLogPath);
  home = await createBrokerHome();
  broker = await home.start({
    ...(access === undefined ? {} : { CHANDLER_KUBECONFIG: access.kubeconfigPath }),
    CHANDLER_SWEEP_SECONDS: '3',
    CHANDLER_ORPHAN_GRACE_SECONDS: '1',
  });
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await access?.remove();
  await app?.remove();
});

const query = (sql: string, values: unknown[] = []) => queryDatabase(home.databaseUrl, sql, values);
const rounds = () => broker.lines().filter(({ message }) => message === 'sweep finished').length / 4;

/** Two rounds from now on, so that one of them began after this call. */
async function sweptAgain(): Promise<void> {
  const before = rounds();
  await eventually('two more rounds', async () => (rounds() >= before + 2 ? true : undefined));
}

async function findings(): Promise<string[]> {
  const rows = await query(
    'select kind, object_kind, name from findings where quarantined_at is not null order by 1, 2, 3',
  );
  return rows.map(({ kind, object_kind, name }) => `${kind}: ${object_kind} ${name}`);
}

async function createSecret(name: string, instanceUid: string, place = namespace): Promise<void> {
  const labels = identityLabels({ installationId: await installationId(home), instanceUid });
  await core().createNamespacedSecret({ namespace: place, body: { metadata: { name, labels } } });
}

it('finds what has no row and what has no object, deletes only what a late worker left, and asks little', async () => {
  const plan = await firstPlan(broker);
  const [kept, gone] = [new PlatformInstance(plan, namespace), new PlatformInstance(plan, namespace)];
  await Promise.all([kept.provision(broker), gone.provision(broker)]);
  const bindingId = randomUUID();
  const login = await kept.bind(broker, bindingId);
  const [goneNamespace] = await namespacesOf(home, gone.id);
  await gone.deprovision(broker);
  await sweptAgain();
  expect(await findings()).toEqual([]);

  const work = async () => {
    const before = rounds();
    await eventually('four rounds', async () => (rounds() >= before + 4 ? true : undefined));
    console.log(`${rounds() - before} rounds with one instance and one binding`);
  };
  if (access === undefined) await work();
  else {
    const requests = await access.during(work);
    console.log(`requests of these rounds: ${requests.length}\n  ${tally(requests).join('\n  ')}`);
    const writes = requests.filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
    expect(writes).toEqual([]);
  }

  // Somebody's object with our labels, a delivered Secret that somebody deleted, and a login that somebody made.
  await createSecret('left', randomUUID());
  const delivered = await core().listNamespacedSecret({ namespace, labelSelector: labelKeys.binding });
  const [secret] = delivered.items.map(({ metadata }) => metadata?.name ?? '');
  await useUpRepairs(home.databaseUrl);
  await core().deleteNamespacedSecret({ namespace, name: secret ?? '' });
  // What a worker leaves that makes the namespace of an instance after its deprovision.
  const { name = '', labels = {} } = goneNamespace?.metadata ?? {};
  await core().createNamespace({ body: { metadata: { name, labels } } });
  await createSecret(`${name}-admin`, labels[labelKeys.instance] ?? '', name);
  await query(
    `update service_instances set updated_at = updated_at - interval '1 hour' where state = 'deprovisioned'`,
  );

  await eventually('the namespace of the late worker is gone', async () =>
    (await namespacesOf(home, undefined)).some(({ metadata }) => metadata?.name === name) ? undefined : true,
  );
  await sweptAgain();
  await sweptAgain();
  expect(await findings()).toEqual([
    'object without row: Secret left',
    `row without object: Secret ${secret}`,
  ]);
  expect(await core().readNamespacedSecret({ namespace, name: 'left' })).toBeDefined();
  const told = broker.lines().filter(({ message }) => message === 'finding confirmed');
  expect(told).toHaveLength(2);
  expect(
    broker
      .lines()
      .filter(({ message }) => message === 'straggler removed')
      .map(({ kind }) => kind),
  ).toEqual(['Secret', 'Namespace']);

  // The time of the binding is up.
  await query(`update service_bindings set expires_at = clock_timestamp() where state = 'bound'`);
  await eventually('the login is revoked', () =>
    runSql(login, 'select 1').then(
      () => undefined,
      () => true,
    ),
  );
  await kept.unbind(broker, bindingId);
});
