/** One `chandler serve` for several platforms, by its configuration file, on real parts. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { OsbClient } from '../../src/start/quickstart/osb-client.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, type Login, runSql } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import type { PlanIds } from '../support/platform-instance.ts';

let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;
let folder: string;
let plan: PlanIds;
let korifi: OsbClient;
let korifiRotated: OsbClient;
let cloudfoundry: OsbClient;

const instanceId = randomUUID();
const instance = `/v2/service_instances/${instanceId}`;
const binding = `${instance}/service_bindings/${randomUUID()}`;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  folder = await mkdtemp(path.join(tmpdir(), 'chandler-test-config-'));
  await writeFile(path.join(folder, 'cf-password'), 'of-cloud-foundry\n');
  await writeFile(
    path.join(folder, 'config.yaml'),
    `credentials:
  - { username: korifi, password: old-one, platform: korifi, namespaces: [${app.name}], defaultNamespace: ${app.name}, delivery: always }
  - { username: korifi, password: new-one, platform: korifi, namespaces: [${app.name}], defaultNamespace: ${app.name}, delivery: always }
  - { username: cf, passwordFile: cf-password, platform: cloudfoundry }
osb:
  platforms:
    korifi: { endpoints: omit, pollAfterDeletion: gone }
`,
  );
  broker = await home.start({
    CHANDLER_CONFIG: path.join(folder, 'config.yaml'),
    CHANDLER_USERNAME: '',
    CHANDLER_PASSWORD: '',
  });
  const clientOf = (username: string, password: string) =>
    new OsbClient({ url: broker.url, username, password });
  korifi = clientOf('korifi', 'old-one');
  korifiRotated = clientOf('korifi', 'new-one');
  cloudfoundry = clientOf('cf', 'of-cloud-foundry');
  const { body } = await korifi.expect([200], 'GET', '/v2/catalog');
  const [service] = body.services as { id: string; plans: { id: string }[] }[];
  plan = { service_id: service?.id ?? '', plan_id: service?.plans[0]?.id ?? '' };
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Korifi sends no context; Cloud Foundry one of its own. */
const provision = (client: OsbClient, context: JsonObject) =>
  client.call('PUT', `${instance}?accepts_incomplete=true`, {
    ...plan,
    organization_guid: 'org',
    space_guid: 'space',
    ...context,
  });

it('two platforms use the same ids for instances of their own, and neither sees the other', async () => {
  expect((await provision(korifi, {})).status).toBe(202);
  expect((await cloudfoundry.call('GET', `${instance}/last_operation`)).status).toBe(404);
  const context = { platform: 'cloudfoundry', organization_guid: 'org', space_guid: 'space' };
  expect((await provision(cloudfoundry, { context })).status).toBe(202);
  await korifi.untilFinished(instance, () => undefined);
  await cloudfoundry.untilFinished(instance, () => undefined);
  expect(await namespacesOf(home, instanceId)).toHaveLength(2);
});

it('delivers where the platform sends no context, and leaves it to the platform that does it itself', async () => {
  const mine = await korifi.expect([201], 'PUT', binding, { ...plan, parameters: null, app_guid: '' });
  const theirs = await cloudfoundry.expect([201], 'PUT', binding, { ...plan, app_guid: 'app' });
  const { items } = await core().listNamespacedSecret({
    namespace: app.name,
    labelSelector: 'chandler.dev/binding',
  });
  const { username, ...rest } = mine.body.credentials as unknown as Login;
  expect(items.map(({ data }) => Buffer.from(data?.username ?? '', 'base64').toString())).toEqual([username]);
  expect([mine.body.endpoints, theirs.body.endpoints]).toEqual([undefined, [expect.anything()]]);
  const logins = [{ username, ...rest }, theirs.body.credentials as unknown as Login];
  for (const login of logins) {
    expect(await runSql(login, 'select session_user::text as name')).toEqual([{ name: login.username }]);
  }
  expect(new Set(logins.map(({ host }) => host)).size).toBe(2);
});

it('a second password of a platform works beside the first one, for the same instances', async () => {
  expect((await korifiRotated.expect([200], 'PUT', binding, { ...plan })).body.credentials).toBeDefined();
});

it('a deletion by one platform leaves the other instance alone, and each polls as its options say', async () => {
  const query = `accepts_incomplete=true&service_id=${plan.service_id}&plan_id=${plan.plan_id}`;
  await korifi.expect([202], 'DELETE', `${instance}?${query}`);
  await korifi.untilFinished(instance, () => undefined);
  expect((await korifi.call('GET', `${instance}/last_operation`)).status).toBe(410);
  expect((await cloudfoundry.call('GET', instance)).status).toBe(200);
  expect((await cloudfoundry.call('GET', binding)).status).toBe(200);
  await cloudfoundry.expect([202], 'DELETE', `${instance}?${query}`);
  await cloudfoundry.untilFinished(instance, () => undefined);
  expect((await cloudfoundry.call('GET', `${instance}/last_operation`)).status).toBe(200);
});

it('no password of the configuration is in the log', () => {
  expect(broker.log()).toContain('operation succeeded');
  for (const password of ['old-one', 'new-one', 'of-cloud-foundry'])
    expect(broker.log()).not.toContain(password);
});
