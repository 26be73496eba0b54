/** What is delivered for a binding stays as Chandler made it, on a real API server: deleted by hand, edited, unbound. */
import { randomUUID } from 'node:crypto';
import type { V1Secret } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, decoded, eventually } from '../support/cluster.ts';
import { removeInstallation } from '../support/installation.ts';
import { firstPlan, PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

const bindingId = randomUUID();
const canary = 'canary-elsewhere';
const promisedMs = 5_000;
let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;
let instance: PlatformInstance;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  broker = await home.start();
  instance = new PlatformInstance(await firstPlan(broker), app.name);
  await instance.provision(broker);
  await instance.bind(broker, bindingId);
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

async function delivered(): Promise<V1Secret | undefined> {
  const { items } = await core().listNamespacedSecret({
    ...{ namespace: app.name, labelSelector: 'chandler.dev/binding' },
  });
  return items[0];
}

async function present(): Promise<V1Secret> {
  return eventually('the Secret is there', delivered);
}

const nameOf = (secret: V1Secret) => ({ name: secret.metadata?.name ?? '', namespace: app.name });

/** Milliseconds until the Secret holds again what it did. */
async function untilBack(before: V1Secret): Promise<number> {
  const started = performance.now();
  await eventually('the Secret is back', async () => {
    const now = await delivered();
    return now !== undefined && JSON.stringify(decoded(now)) === JSON.stringify(decoded(before))
      ? true
      : undefined;
  });
  return performance.now() - started;
}

it('a Secret that was deleted by hand is back within 5 s, five times in a row', async () => {
  const before = await present();
  const times: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    await core().deleteNamespacedSecret(nameOf(before));
    times.push(Math.round(await untilBack(before)));
  }
  process.stdout.write(`a deleted Secret was back after ${times.join(', ')} ms\n`);
  expect(Math.max(...times)).toBeLessThan(promisedMs);
});

it('a Secret that was edited is restored, and that is reported by names alone', async () => {
  const before = await present();
  const host = Buffer.from(canary).toString('base64');
  await core().replaceNamespacedSecret({
    ...nameOf(before),
    body: { ...before, data: { ...before.data, host } },
  });
  const took = await untilBack(before);
  process.stdout.write(`an edited Secret was as before after ${Math.round(took)} ms\n`);
  expect(took).toBeLessThan(promisedMs);
  const told = await eventually('the log tells of it', async () =>
    broker.lines().findLast((line) => line.message === 'delivery restored' && line.kind === 'Secret'),
  );
  expect(told).toMatchObject({ was: 'changed', namespace: app.name, keys: ['host'] });
  expect(broker.log()).not.toContain(canary);
  expect(broker.log()).not.toContain(host);
  const [repair] = await queryDatabase<{ description: string }>(
    home.databaseUrl,
    `select description from operations where type = 'repair' order by position desc limit 1`,
  );
  expect(repair?.description).toContain('the Secret was changed at host');
});

it('nothing comes back after the unbind', async () => {
  await instance.unbind(broker, bindingId);
  expect(await delivered()).toBeUndefined();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await delivered()).toBeUndefined();
});
