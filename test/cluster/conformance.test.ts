/** `chandler serve` passes `chandler check` on a real cluster: with pods to wait for, and with nothing to wait for. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { type CatalogCopy, copyCatalog } from '../support/catalog-copy.ts';
import { check, expectConformance, outcomesOf } from '../support/check-options.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';

/** An offering without pods, so that all of its verbs can be synchronous. */
const settings = `apiVersion: chandler.dev/v1
kind: ServiceOffering
id: 4f7b1f0a-27c5-4a35-9d7b-9f0f5e1c2d01
name: settings
description: A Secret with settings
parameters:
  note: { type: string, default: none, maxLength: 50, update: allowed }
resources:
  - id: settings
    secret: { note: "\${parameters.note}" }
updates: { plan: true }
sync: { provision: true, update: true, deprovision: true }
plans:
  - { id: 4f7b1f0a-27c5-4a35-9d7b-9f0f5e1c2d02, name: one, description: One Secret }
  - { id: 4f7b1f0a-27c5-4a35-9d7b-9f0f5e1c2d03, name: another, description: Another Secret }
`;

let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;
let catalog: CatalogCopy;
let folder: string;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome();
  catalog = await copyCatalog({});
  await writeFile(path.join(catalog.folder, 'settings.yaml'), settings);
  folder = await mkdtemp(path.join(tmpdir(), 'chandler-test-config-'));
  const credentials = ['cloudfoundry', 'kubernetes', 'korifi'].map(
    (platform) =>
      `  - { username: ${platform}, password: of-the-platform, platform: ${platform}, namespaces: [${app.name}] }`,
  );
  await writeFile(path.join(folder, 'config.yaml'), ['credentials:', ...credentials, ''].join('\n'));
  broker = await home.start({
    CHANDLER_CATALOG: catalog.folder,
    CHANDLER_CONFIG: path.join(folder, 'config.yaml'),
    CHANDLER_USERNAME: '',
    CHANDLER_PASSWORD: '',
  });
});

afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
  await catalog?.remove();
  await rm(folder, { recursive: true, force: true });
});

it.each([undefined, 'cloudfoundry', 'kubernetes', 'korifi'] as const)(
  'asked as by %s, PostgreSQL in pods and a Secret made at once break no rule of any level, and nothing stays',
  async (platform) => {
    const report = await check(broker.url, {
      username: platform ?? 'cloudfoundry',
      password: 'of-the-platform',
      platform,
      namespace: app.name,
      plans: ['postgresql/small', 'settings/one'],
      operationMs: 300_000,
      pollMs: 500,
      parallel: 6,
      updateParameters: [],
    });
    expectConformance(report);
    expect(outcomesOf(report)).toMatchObject({
      'deprovision-early': expect.any(String),
      'provision-works': 'passed',
    });
    expect(await namespacesOf(home)).toEqual([]);
  },
  900_000,
);
