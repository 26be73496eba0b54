/**
 * SIGKILL of `chandler serve` in the middle of each verb, and a restart on the same database: the same operation
 * finishes, once, with one set of objects. The times from restart to progress are printed.
 */
import { randomUUID } from 'node:crypto';
import { Watch } from '@kubernetes/client-node';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type LogLine, type TestBroker } from '../support/broker.ts';
import { core, decoded, eventually, kubeConfig, type Login, logIn, runSql } from '../support/cluster.ts';
import {
  countByKind,
  namespacesOf,
  objectsOf,
  oneInstance,
  removeInstallation,
} from '../support/installation.ts';
import { firstPlan, type PlanIds, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const shortLease = { CHANDLER_LEASE_SECONDS: '5' };

let home: BrokerHome;
let app: AppNamespace;
let plan: PlanIds;
let broker: TestBroker;

beforeAll(async () => {
  home = await createBrokerHome();
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  broker = await home.start(shortLease);
  plan = await firstPlan(broker);
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

interface OperationRow {
  uid: string;
  type: string;
  state: string;
  fence: number;
}

/** All operations of an instance and its bindings, oldest first. */
function operationsOf(instance: PlatformInstance): Promise<OperationRow[]> {
  return queryDatabase<OperationRow>(
    home.databaseUrl,
    `select o.uid, o.type, o.state, o.fence from operations o
     join service_instances i on i.uid = o.instance_uid where i.instance_id = $1 order by o.position`,
    [instance.id],
  );
}

/** Starts a broker in place of a killed one, waits for the end of an operation, and prints how long both took. */
async function restartUntilEnd(what: string, operationUid: string, environment = {}): Promise<TestBroker> {
  const startedAt = Date.now();
  const next = await home.start(environment);
  const lineOf = (message: string) =>
    eventually(
      `${what}: ${message}`,
      async () => next.lines().find((line) => line.message === message && line.operationUid === operationUid),
      120_000,
    );
  const seconds = (line: LogLine) => ((Date.parse(line.time) - startedAt) / 1000).toFixed(1);
  const claimed = await lineOf('operation claimed');
  const succeeded = await lineOf('operation succeeded');
  const watching = next.lines().find(({ message }) => message === 'watch started');
  console.log(
    `${what}: after the restart claimed in ${seconds(claimed)} s, succeeded in ${seconds(succeeded)} s` +
      (watching === undefined ? '' : `, watching in ${seconds(watching)} s`),
  );
  return next;
}

const applied = (kind: string) => (line: LogLine) => line.message === 'object applied' && line.kind === kind;

describe('SIGKILL in the middle of a provision', () => {
  it.each<{ when: string; fits: (line: LogLine) => boolean; environment: Record<string, string> }>([
    { when: 'when the namespace was applied, default lease', fits: applied('Namespace'), environment: {} },
    {
      when: 'between two objects of the chart',
      fits: applied('PersistentVolumeClaim'),
      environment: shortLease,
    },
    {
      when: 'while it waits for the pod',
      fits: ({ message, description }) =>
        message === 'operation progressed' &&
        description !== undefined &&
        /applied .*server/.test(description),
      environment: shortLease,
    },
  ])('$when: the same operation finishes, once', async ({ when, fits, environment }) => {
    await broker.kill('SIGKILL');
    broker = await home.start(environment);
    const instance = new PlatformInstance(plan, app.name);
    const killed = broker.killAt(fits);
    const token = await instance.startProvision(broker);
    await killed;
    expect(await operationsOf(instance)).toMatchObject([{ uid: token, state: 'in progress' }]);
    const before = await objectsOf(home, instance.id);
    expect(countByKind(before.keys()).Namespace).toBe(1);

    broker = await restartUntilEnd(`provision killed ${when}`, token, environment);

    expect(await instance.stateOf(broker, token)).toBe('succeeded');
    expect(await operationsOf(instance)).toMatchObject([{ uid: token, state: 'succeeded' }]);
    expect(broker.lines().filter(({ message }) => message === 'operation succeeded')).toHaveLength(1);
    const after = await objectsOf(home, instance.id);
    expect(countByKind(after.keys())).toEqual(oneInstance);
    expect(Object.fromEntries(after)).toMatchObject(Object.fromEntries(before));
    await instance.deprovision(broker);
  });
});

describe('SIGKILL in the middle of a bind and of a deprovision', () => {
  let instance: PlatformInstance;
  let admin: Login;

  beforeAll(async () => {
    await broker.kill('SIGKILL');
    broker = await home.start(shortLease);
    instance = new PlatformInstance(plan, app.name);
    await instance.provision(broker);
    const [namespace] = await namespacesOf(home, instance.id);
    const { items } = await core().listNamespacedSecret({ namespace: namespace?.metadata?.name ?? '' });
    const { username = '', password = '' } = decoded(items[0] ?? {});
    const login = await instance.bind(broker, randomUUID());
    admin = { ...login, username, password };
  });

  /** Everything a bind makes: the login in the database, the Secret and the ConfigMap in the app's namespace. */
  async function madeBy(bindingId: string) {
    const [row] = await queryDatabase<{ external_name: string }>(
      home.databaseUrl,
      'select external_name from service_bindings where binding_id = $1',
      [bindingId],
    );
    const login = (row?.external_name ?? '').replaceAll('-', '_');
    const labelSelector = `chandler.dev/binding-id=${bindingId}`;
    const [logins, secrets, configMaps] = await Promise.all([
      runSql<{ rolname: string }>(admin, `select rolname from pg_roles where rolname = '${login}'`),
      core().listNamespacedSecret({ namespace: app.name, labelSelector }),
      core().listNamespacedConfigMap({ namespace: app.name, labelSelector }),
    ]);
    return {
      login: logins.length,
      secret: secrets.items.map(({ metadata, data }) => ({ uid: metadata?.uid, filled: data !== undefined })),
      configMap: configMaps.items.length,
    };
  }

  async function expectOneBinding(bindingId: string): Promise<void> {
    expect(await madeBy(bindingId)).toMatchObject({ login: 1, secret: [{ filled: true }], configMap: 1 });
    const credentials = await instance.credentials(broker, bindingId);
    expect(await runSql<{ user: string }>(credentials, 'select session_user as user')).toEqual([
      { user: credentials.username },
    ]);
    const secret = await app.findBindingSecret(bindingId);
    const delivered = decoded(await core().readNamespacedSecret({ name: secret, namespace: app.name }));
    expect(delivered).toMatchObject({ username: credentials.username, password: credentials.password });
    const binds = (await operationsOf(instance)).filter(({ type }) => type === 'bind');
    expect(binds.every(({ state }) => state === 'succeeded')).toBe(true);
  }

  /** Kills the broker when `seen` resolves; a bind that was quicker than the kill is followed by another. */
  async function killedBind(seen: (bindingId: string) => Promise<void>) {
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const bindingId = randomUUID();
      const moment = seen(bindingId);
      const answer = instance.startBind(broker, bindingId).catch(() => undefined);
      await moment;
      await broker.kill('SIGKILL');
      await answer;
      const operation = (await operationsOf(instance)).at(-1);
      expect(operation?.type).toBe('bind');
      if (operation?.state === 'in progress') return { bindingId, operation };
      broker = await home.start(shortLease);
    }
    throw new Error('every bind was finished before the broker was killed');
  }

  /** Kills the broker when `seen` resolves, restarts it, and looks what became of the bind. */
  async function killDuringBind(what: string, seen: (bindingId: string) => Promise<void>): Promise<void> {
    const { bindingId, operation } = await killedBind(seen);
    const left = await madeBy(bindingId);
    console.log(`bind killed ${what}, left behind: ${JSON.stringify(left)}`);

    broker = await restartUntilEnd(`bind killed ${what}`, operation.uid, shortLease);
    await expectOneBinding(bindingId);
    const { secret } = await madeBy(bindingId);
    if (left.secret[0] !== undefined) expect(secret[0]?.uid).toBe(left.secret[0].uid);
    await instance.unbind(broker, bindingId);
    expect(await madeBy(bindingId)).toEqual({ login: 0, secret: [], configMap: 0 });
  }

  it('when the login was made: in the end there is one login and one Secret', async () => {
    await killDuringBind('when the login was made', async () => {
      const watcher: pg.Client = await logIn(admin);
      const count = async () => {
        const { rows } = await watcher.query<{ count: string }>(
          `select count(*) from pg_roles where rolname like 'b\\_%' and rolcanlogin`,
        );
        return Number(rows[0]?.count);
      };
      const before = await count();
      const deadline = Date.now() + 30_000;
      while ((await count()) === before && Date.now() < deadline);
      await watcher.end();
    });
  });

  it('when the Secret was made: in the end there is one login and the same Secret', async () => {
    await killDuringBind('when the Secret was made', async (bindingId) => {
      const stop = new AbortController();
      await new Promise<void>((resolve, reject) => {
        new Watch(kubeConfig())
          .watch(
            `/api/v1/namespaces/${app.name}/secrets`,
            { labelSelector: `chandler.dev/binding-id=${bindingId}` },
            () => resolve(),
            () => undefined,
          )
          .then((controller) => stop.signal.addEventListener('abort', () => controller.abort()), reject);
      });
      stop.abort();
    });
  });

  it('when the first object was removed: the same deprovision finishes and leaves nothing', async () => {
    const killed = broker.killAt(({ message }) => message === 'object removed');
    const token = await instance.startDeprovision(broker);
    await killed;
    const [left] = await namespacesOf(home, instance.id);
    expect(left).toBeDefined();
    expect((await operationsOf(instance)).at(-1)).toMatchObject({ uid: token, state: 'in progress' });

    broker = await restartUntilEnd('deprovision killed after its first object', token, shortLease);

    expect(await objectsOf(home, instance.id)).toEqual(new Map());
    const deprovisions = (await operationsOf(instance)).filter(({ type }) => type === 'deprovision');
    expect(deprovisions).toMatchObject([{ uid: token, state: 'succeeded' }]);
    const { items } = await core().listNamespacedSecret({
      namespace: app.name,
      labelSelector: 'chandler.dev/installation',
    });
    expect(items).toEqual([]);
    expect((await broker.client.call('GET', instance.path)).status).toBe(404);
  });
});
