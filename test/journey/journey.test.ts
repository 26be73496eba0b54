/**
 * The main job on real parts: a real API server, real pods, a real PostgreSQL, a real broker process. Each test goes
 * on where the one before it ended.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppNamespace, sampleAppDeployment, sampleAppMark } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { apps, core, decoded, eventually, type Login, logIn, runSql } from '../support/cluster.ts';
import { databaseAsText } from '../support/database-as-text.ts';

const instanceId = randomUUID();
const instancePath = `/v2/service_instances/${instanceId}`;
const namespace = `chandler-test-${instanceId.slice(0, 8)}`;
const context = { platform: 'kubernetes', namespace };
const first = randomUUID();
const second = randomUUID();

let home: BrokerHome;
let broker: TestBroker;
let app: AppNamespace;
let ids: { service_id: string; plan_id: string };
let query: string;
/** Every password that came up on the way; none may be found in logs or in the database. */
const passwords: string[] = [];
/** What the database and the app printed. */
let podLogs = '';
const logins = new Map<string, Login>();

function loginOf(bindingId: string): Login {
  const login = logins.get(bindingId);
  if (login === undefined) throw new Error(`${bindingId} is not bound`);
  return login;
}

beforeAll(async () => {
  home = await createBrokerHome();
  broker = await home.start();
  app = new AppNamespace(inject('kubeconfigPath'), namespace);
  await app.create();
  const { body } = await broker.client.expect([200], 'GET', '/v2/catalog');
  const [service] = body.services as { id: string; plans: { id: string }[] }[];
  ids = { service_id: service?.id ?? '', plan_id: service?.plans[0]?.id ?? '' };
  query = `service_id=${ids.service_id}&plan_id=${ids.plan_id}`;
});

afterAll(async () => {
  await broker?.client.call('DELETE', `${instancePath}?${query}&accepts_incomplete=true`);
  await broker?.client.untilFinished(instancePath, () => undefined).catch(() => undefined);
  await app?.remove();
  await home?.remove();
});

async function bind(bindingId: string): Promise<Login> {
  const { body } = await broker.client.expect([201], 'PUT', `${instancePath}/service_bindings/${bindingId}`, {
    ...ids,
    context,
  });
  const credentials = body.credentials as unknown as Login;
  logins.set(bindingId, credentials);
  passwords.push(credentials.password);
  return credentials;
}

async function logsOf(podNamespace: string): Promise<string> {
  const { items } = await core().listNamespacedPod({ namespace: podNamespace });
  const logs = items.map(({ metadata }) =>
    core().readNamespacedPodLog({ name: metadata?.name ?? '', namespace: podNamespace }),
  );
  return (await Promise.all(logs)).join('\n');
}

async function instanceNamespace(): Promise<string> {
  const { items } = await core().listNamespace({ labelSelector: 'chandler.dev/installation' });
  const mine = items.find(
    ({ metadata }) => metadata?.annotations?.['chandler.dev/instance-id'] === instanceId,
  );
  return mine?.metadata?.name ?? '';
}

describe('the journey of a service instance', () => {
  it('is provisioned in real pods', async () => {
    const { body } = await broker.client.expect([202], 'PUT', `${instancePath}?accepts_incomplete=true`, {
      ...ids,
      organization_guid: 'org',
      space_guid: 'space',
      context,
    });
    expect(body.operation).toEqual(expect.any(String));
    await broker.client.untilFinished(instancePath, () => undefined);

    const pods = await core().listNamespacedPod({ namespace: await instanceNamespace() });
    expect(pods.items.map(({ status }) => status?.phase)).toEqual(['Running']);
    const secrets = await core().listNamespacedSecret({ namespace: await instanceNamespace() });
    passwords.push(...secrets.items.map((secret) => decoded(secret).password ?? '').filter(Boolean));
    expect(passwords).toHaveLength(1);
  });

  it('answers a repeated provision with 200, and the instance can be fetched', async () => {
    const again = await broker.client.call('PUT', `${instancePath}?accepts_incomplete=true`, {
      ...ids,
      organization_guid: 'org',
      space_guid: 'space',
      context,
    });
    expect(again.status).toBe(200);
    const { body } = await broker.client.expect([200], 'GET', instancePath);
    expect(body).toMatchObject(ids);
  });

  it('gives two bindings different users', async () => {
    const [one, two] = [await bind(first), await bind(second)];
    expect(one.username).not.toBe(two.username);
    expect(one.password).not.toBe(two.password);
    expect(one.database).toBe(two.database);
  });

  it('answers a repeated bind with 200 and the same credentials, and so does the fetch', async () => {
    const path = `${instancePath}/service_bindings/${first}`;
    const again = await broker.client.expect([200], 'PUT', path, { ...ids, context });
    expect(again.body.credentials).toEqual(loginOf(first));
    const fetched = await broker.client.expect([200], 'GET', path);
    expect(fetched.body.credentials).toEqual(loginOf(first));
  });

  it('delivers a Secret of the binding type and a ConfigMap that holds nothing secret', async () => {
    const name = await app.findBindingSecret(first);
    const secret = await core().readNamespacedSecret({ name, namespace });
    const { username, password, host, port, database } = loginOf(first);
    expect(secret.type).toBe('servicebinding.io/postgresql');
    expect(decoded(secret)).toMatchObject({
      type: 'postgresql',
      host,
      port: String(port),
      database,
      username,
      password,
      uri: expect.stringContaining(password) as string,
    });
    const config = await core().readNamespacedConfigMap({ name, namespace });
    expect(config.data).toMatchObject({ host, port: String(port), database });
    expect(JSON.stringify(config.data)).not.toContain(password);
    expect(JSON.stringify(config.data)).not.toContain(username);
  });

  it('serves an app Deployment through environment variables and files', async () => {
    const bindingName = await app.findBindingSecret(first);
    await app.deploy(
      sampleAppDeployment({ namespace, name: 'sample-app', bindingName, image: inject('postgresqlImage') }),
    );
    expect(await app.waitForLine('sample-app', sampleAppMark)).toMatch(/wrote row 1 and read 1 row/);
    podLogs += await logsOf(namespace);
    await app.deleteDeployment('sample-app');
  });

  it('keeps the row when the database pod is deleted', async () => {
    const database = await instanceNamespace();
    const [pod] = (await core().listNamespacedPod({ namespace: database })).items;
    await core().deleteNamespacedPod({ name: pod?.metadata?.name ?? '', namespace: database });
    const rows = await eventually('the database is back', async () => {
      const [now] = (await core().listNamespacedPod({ namespace: database })).items;
      if (now === undefined || now.metadata?.uid === pod?.metadata?.uid) return undefined;
      return runSql<{ pod: string }>(loginOf(second), 'select pod from greetings').catch(() => undefined);
    });
    expect(rows).toHaveLength(1);
  });

  it('after unbind refuses the login and ends its connections, while the other binding reads the same table', async () => {
    const open = await logIn(loginOf(first));
    await broker.client.expect([200], 'DELETE', `${instancePath}/service_bindings/${first}?${query}`);

    await expect(open.query('select 1')).rejects.toThrow();
    await expect(logIn(loginOf(first))).rejects.toThrow(/authentication failed|does not exist|not permitted/);
    expect(await runSql(loginOf(second), 'select pod from greetings')).toHaveLength(1);
    await expect(app.findBindingSecret(first)).rejects.toThrow('no Secret');
    expect(
      (await broker.client.call('DELETE', `${instancePath}/service_bindings/${first}?${query}`)).status,
    ).toBe(410);
  });

  it('is deprovisioned without a trace, also when a binding was left', async () => {
    const database = await instanceNamespace();
    expect(database).not.toBe('');
    podLogs += await logsOf(database);
    await broker.client.expect([202], 'DELETE', `${instancePath}?${query}&accepts_incomplete=true`);
    await broker.client.untilFinished(instancePath, () => undefined);

    expect(await instanceNamespace()).toBe('');
    await expect(core().readNamespace({ name: database })).rejects.toThrow('404');
    const everywhere = await Promise.all([
      core().listPersistentVolumeClaimForAllNamespaces(),
      core().listSecretForAllNamespaces({ labelSelector: 'chandler.dev/instance' }),
      core().listConfigMapForAllNamespaces({ labelSelector: 'chandler.dev/instance' }),
      core().listServiceForAllNamespaces({ labelSelector: 'chandler.dev/instance' }),
      core().listPodForAllNamespaces({ labelSelector: 'chandler.dev/instance' }),
      apps().listStatefulSetForAllNamespaces({ labelSelector: 'chandler.dev/instance' }),
    ]);
    const left = everywhere.flatMap(
      ({ items }) => items as { metadata?: { namespace?: string; name?: string } }[],
    );
    expect(left.filter(({ metadata }) => [database, namespace].includes(metadata?.namespace ?? ''))).toEqual(
      [],
    );
    const volumes = await eventually('its volume is deleted', async () => {
      const { items } = await core().listPersistentVolume();
      return items.some(({ spec }) => spec?.claimRef?.namespace === database) ? undefined : items;
    });
    expect(volumes).toBeDefined();
    expect(
      (await broker.client.call('DELETE', `${instancePath}?${query}&accepts_incomplete=true`)).status,
    ).toBe(410);
  });

  it('leaves no password in any log or in the database', async () => {
    expect(passwords).toHaveLength(3);
    const dump = await databaseAsText(home.databaseUrl);
    expect(dump).toContain(instanceId);
    expect(broker.log()).toContain('operation succeeded');
    expect(podLogs).toContain(sampleAppMark);
    expect(podLogs).toContain('database system is ready');
    const auditLogPath = inject('auditLogPath');
    const audit = auditLogPath === '' ? '' : await readFile(auditLogPath, 'utf8');
    for (const password of [...passwords, home.password]) {
      const encoded = Buffer.from(password).toString('base64');
      for (const text of [dump, broker.log(), podLogs, audit]) {
        expect(text.includes(password)).toBe(false);
        expect(text.includes(encoded)).toBe(false);
      }
    }
  });
});
