/** An update whose pod cannot start, on a real PostgreSQL with one replica: what is told, and that it serves again. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { JsonObject } from '../../src/lib/json.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { apps, runSql } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';

const serviceId = 'failed-update';
const updateSeconds = 30;

interface Plan {
  name: string;
  resources: { id: string; helm: { chart: string; values: JsonObject } }[];
}

/** The PostgreSQL of examples/ways, and plans of it whose pods cannot start. */
async function writeCatalog(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'chandler-test-catalog-'));
  await symlink(resolve('charts'), join(root, 'charts'));
  const offering = parse(await readFile('examples/ways/postgresql.yaml', 'utf8'), { merge: true }) as {
    plans: Plan[];
  };
  const kept = offering.plans.filter(({ name }) => name === 'render' || name === 'release');
  const broken = kept.flatMap((plan) =>
    Object.entries({
      'missing-image': { image: { repository: 'registry.invalid/postgres', tag: '17' } },
      'too-large': { resources: { requests: { cpu: '640' } } },
    }).map(([name, values]) => ({
      ...plan,
      name: `${plan.name}-${name}`,
      resources: plan.resources.map((resource) => ({
        ...resource,
        helm: { ...resource.helm, values: { ...resource.helm.values, ...values } },
      })),
    })),
  );
  const plans = [...kept, ...broken].map((plan) => ({ ...plan, id: plan.name }));
  const file = {
    ...offering,
    ...{ id: serviceId, plans, updates: { plan: true }, timeouts: { update: `${updateSeconds}s` } },
  };
  await mkdir(join(root, 'catalog'));
  await writeFile(join(root, 'catalog/ways.yaml'), stringify(file, { aliasDuplicateObjects: false }));
  return root;
}

let root: string;
let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  root = await writeCatalog();
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome({ CHANDLER_CATALOG: join(root, 'catalog') });
  broker = await home.start();
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
  if (root !== undefined) await rm(root, { recursive: true });
});

async function failedUpdate(instance: PlatformInstance, body: JsonObject): Promise<JsonObject> {
  const startedAt = performance.now();
  await instance.update(broker, body).catch(() => undefined);
  const answer = await broker.client.expect([200], 'GET', `${instance.path}/last_operation`);
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${JSON.stringify(answer.body)}`);
  return answer.body as JsonObject;
}

describe.each(['render', 'release'])('a PostgreSQL made by %s', (way) => {
  let instance: PlatformInstance;
  const bindingId = randomUUID();

  it.each([
    ['missing-image', /image registry\.invalid\/postgres:17 .*cannot be pulled/i],
    ['too-large', /cannot be scheduled/],
  ])('serves again after an update to %s, and says why that failed', async (plan, reason) => {
    instance ??= new PlatformInstance({ service_id: serviceId, plan_id: way }, app.name);
    if (plan === 'missing-image') {
      await instance.provision(broker);
      await runSql(await instance.bind(broker, bindingId), 'create table kept as select 1 as line');
    }
    const login = await instance.credentials(broker, bindingId);
    const told = await failedUpdate(instance, { plan_id: `${way}-${plan}` });
    expect(told).toMatchObject({ state: 'failed', instance_usable: true, update_repeatable: true });
    expect(told.description).toMatch(reason);
    expect(told.description).toMatch(/back on the version before the update\.$/);
    expect(await runSql(login, 'select line from kept')).toEqual([{ line: 1 }]);

    const [namespace] = await namespacesOf(home, instance.id);
    const { items: sets } = await apps().listNamespacedStatefulSet({
      namespace: namespace?.metadata?.name ?? '',
    });
    const { currentRevision, updateRevision, readyReplicas } = sets[0]?.status ?? {};
    expect({ isOld: currentRevision === updateRevision, readyReplicas }).toEqual({
      isOld: true,
      readyReplicas: 1,
    });
    const fetched = await broker.client.expect([200], 'GET', instance.path);
    expect(fetched.body.plan_id).toBe(way);
  });

  it('takes the next update', async () => {
    await instance.update(broker, { parameters: { maxConnections: 44 } });
    const login = await instance.credentials(broker, bindingId);
    expect(await runSql(login, 'show max_connections')).toEqual([{ max_connections: '44' }]);
    expect(await runSql(login, 'select line from kept')).toEqual([{ line: 1 }]);
    await instance.deprovision(broker);
    expect(await namespacesOf(home, instance.id)).toEqual([]);
  });
});
