/** Many requests at once against two broker processes on one database, on real parts. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { OsbAnswer } from '../../src/start/quickstart/osb-client.ts';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { type Login, runSql } from '../support/cluster.ts';
import {
  countByKind,
  namespacesOf,
  objectsOf,
  oneInstance,
  removeInstallation,
} from '../support/installation.ts';
import { firstPlan, type PlanIds, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const putCount = 100;
const bindCount = 32;

let app: AppNamespace;
let home: BrokerHome;
let brokers: [TestBroker, TestBroker];
let plan: PlanIds;
let instance: PlatformInstance;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  brokers = [await home.start(), await home.start()];
  plan = await firstPlan(brokers[0]);
  instance = new PlatformInstance(plan, app.name);
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

function fromBoth<T>(count: number, send: (broker: TestBroker, index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => send(brokers[index % 2 === 0 ? 0 : 1], index)),
  );
}

const provision = ({ client }: TestBroker): Promise<OsbAnswer> =>
  client.call('PUT', `${instance.path}?accepts_incomplete=true`, {
    ...plan,
    organization_guid: 'org',
    space_guid: 'space',
    context: { platform: 'kubernetes', namespace: app.name },
  });

it(`${putCount} identical provisions through two processes make one instance with one operation and one set of objects`, async () => {
  const answers = await fromBoth(putCount, provision);
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].filter((status) => ![200, 201, 202].includes(status))).toEqual([]);
  const tokens = new Set(
    answers.flatMap(({ body }) => (body.operation === undefined ? [] : [body.operation])),
  );
  expect(tokens.size).toBe(1);

  await instance.untilFinished(brokers[1]);
  expect(await namespacesOf(home)).toHaveLength(1);
  expect(countByKind((await objectsOf(home, instance.id)).keys())).toEqual(oneInstance);
  const rows = await queryDatabase<{ instances: number; operations: number }>(
    home.databaseUrl,
    `select (select count(*)::int from service_instances) as instances,
            (select count(*)::int from operations) as operations`,
  );
  expect(rows).toEqual([{ instances: 1, operations: 1 }]);
  expect((await provision(brokers[0])).status).toBe(200);
});

it(`${bindCount} binds of one instance at once all succeed, each with a login of its own that works`, async () => {
  const startedAt = performance.now();
  const logins = await fromBoth(bindCount, async (broker): Promise<Login> => {
    const bindingId = randomUUID();
    return instance.bind(broker, bindingId);
  });
  console.log(`${bindCount} binds at once took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  expect(new Set(logins.map(({ username }) => username)).size).toBe(bindCount);
  expect(new Set(logins.map(({ password }) => password)).size).toBe(bindCount);
  // A few at a time: a small database lends few connections.
  for (const login of logins) {
    const [row] = await runSql<{ name: string }>(login, 'select session_user::text as name');
    expect(row?.name).toBe(login.username);
  }
});
