/** Instances of charts that lie in an OCI registry and in a classic repository, on the real cluster. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { stringify } from 'yaml';
import type { JsonObject } from '../../src/lib/json.ts';
import { type BrokerHome, createBrokerHome } from '../support/broker.ts';
import { type ChartRegistry, packTestChart, startChartRegistry } from '../support/chart-registry.ts';
import { core } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';

let root: string;
let registry: ChartRegistry;
let registryStops: Promise<void> | undefined;
let home: BrokerHome;
let digest: string;

const sources = (): Record<string, JsonObject> => ({
  oci: { chart: `oci://${registry.host}/charts/note` },
  classic: { chart: 'note', repository: `https://${registry.host}/repository` },
});

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'chandler-test-fetched-'));
  registry = await startChartRegistry(inject('helmPath'));
  const chart = join(root, 'note');
  await mkdir(join(chart, 'templates'), { recursive: true });
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: note\nversion: 1.2.3\n');
  await writeFile(
    join(chart, 'templates', 'note.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\ndata: { text: {{ .Values.text | quote }} }\n',
  );
  const packed = await packTestChart(inject('helmPath'), chart, root);
  digest = packed.digest;
  await registry.push(packed.path);
  await registry.publish(packed.path);
  await mkdir(join(root, 'catalog'));
  await writeCatalog({ version: '1.2.3', digest });
  home = await createBrokerHome({
    CHANDLER_CATALOG: join(root, 'catalog'),
    CHANDLER_HELM_CA_FILE: registry.caFile,
    CHANDLER_PLAN_SET: '{}',
  });
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await (registryStops ?? registry?.stop());
  await rm(root, { recursive: true, force: true });
});

async function writeCatalog(pin: JsonObject): Promise<void> {
  const plans = Object.entries(sources()).map(([name, source]) => ({
    ...{ id: `plan-${name}`, name, description: 'A note' },
    resources: [{ id: 'server', helm: { ...source, ...pin, values: { text: `from ${name}` } } }],
  }));
  const offering = {
    ...{ apiVersion: 'chandler.dev/v1', kind: 'ServiceOffering', id: 'fetched', name: 'fetched' },
    ...{ description: 'Charts from elsewhere', plans },
  };
  await writeFile(join(root, 'catalog', 'fetched.yaml'), stringify(offering));
}

async function textOf(instance: PlatformInstance): Promise<string | undefined> {
  const [namespace] = await namespacesOf(home, instance.id);
  const { items } = await core().listNamespacedConfigMap({ namespace: namespace?.metadata?.name ?? '' });
  return items.find(({ metadata }) => metadata?.name?.startsWith('i-'))?.data?.text;
}

it('a digest that does not fit refuses the start, and says what came', async () => {
  await writeCatalog({ version: '1.2.3', digest: `sha256:${'0'.repeat(64)}` });
  const { exitCode, stderr } = await home.startAndFail({});
  expect(exitCode).toBe(1);
  expect(stderr.match(new RegExp(`what came has ${digest}`, 'g'))).toHaveLength(2);
  await writeCatalog({ version: '1.2.3', digest });
});

it('instances are made of charts of either source, also after a restart while nobody answers', async () => {
  const first = await home.start();
  const ordered = (name: string) =>
    new PlatformInstance({ service_id: 'fetched', plan_id: `plan-${name}` }, 'default');
  for (const name of ['oci', 'classic']) {
    const instance = ordered(name);
    await instance.provision(first);
    expect(await textOf(instance)).toBe(`from ${name}`);
  }
  const fetched = await queryDatabase<{ digest: string }>(
    home.databaseUrl,
    'select digest from chart_downloads',
  );
  expect(fetched).toEqual([{ digest }]);

  await first.kill('SIGTERM');
  const { host } = registry;
  registryStops = registry.stop();
  await registryStops;
  await expect(fetch(`https://${host}/v2/`)).rejects.toThrow();
  const [second, third] = await Promise.all([home.start(), home.start()]);
  for (const [name, broker] of [
    ['oci', second],
    ['classic', third],
  ] as const) {
    const instance = ordered(name);
    await instance.provision(broker);
    expect(await textOf(instance)).toBe(`from ${name}`);
  }
});
