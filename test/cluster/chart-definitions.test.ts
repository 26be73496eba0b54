/** A chart that brings a CustomResourceDefinition, which the plan allows: made once, shared, and never taken along. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ApiextensionsV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { kubeConfig } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';
import { helmModes } from '../support/rendered-catalog.ts';

/** Of each run its own: definitions are the cluster's. */
const group = `t${randomBytes(4).toString('hex')}.chandler.example`;
const name = `notes.${group}`;
let root: string;
let home: BrokerHome;
let broker: TestBroker;
const definitions = kubeConfig().makeApiClient(ApiextensionsV1Api);

const schema = {
  openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
};
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: {
    group,
    names: { kind: 'Note', plural: 'notes' },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema }],
  },
};

/** A later release of the same operator, of which the cluster never heard. */
const newer = structuredClone(definition);
newer.spec.versions.push({ name: 'v2', served: true, storage: false, schema });

/** A chart with a definition, whose note is of this version. */
function chartFiles(chart: string, brought: typeof definition, version: string) {
  return {
    [`charts/${chart}/Chart.yaml`]: `apiVersion: v2\nname: ${chart}\nversion: 1.0.0\n`,
    [`charts/${chart}/crds/note.yaml`]: stringify(brought),
    [`charts/${chart}/templates/note.yaml`]: `apiVersion: ${group}/${version}\nkind: Note\nmetadata: { name: "{{ .Release.Name }}" }\nspec: { text: hello }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\n`,
  };
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'chandler-test-definitions-'));
  const offering = {
    ...{ apiVersion: 'chandler.dev/v1', kind: 'ServiceOffering', id: 'notes', name: 'notes' },
    ...{ description: 'Notes', policy: { kinds: [`${group}/Note`] } },
    plans: helmModes.flatMap((mode) =>
      ['note', 'newer', 'newest'].map((chart) => ({
        ...{ id: `${chart}-${mode}`, name: `${chart}-${mode}`, description: 'A note' },
        resources: [{ id: 'server', helm: { chart: `charts/${chart}`, mode, crds: 'apply' } }],
      })),
    ),
  };
  const files = {
    'catalog/notes.yaml': stringify(offering),
    ...chartFiles('note', definition, 'v1'),
    ...chartFiles('newer', newer, 'v1'),
    ...chartFiles('newest', newer, 'v2'),
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
  home = await createBrokerHome({ CHANDLER_CATALOG: join(root, 'catalog'), CHANDLER_PLAN_SET: '{}' });
  broker = await home.start();
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await definitions.deleteCustomResourceDefinition({ name }).catch(() => undefined);
  await rm(root, { recursive: true, force: true });
});

const uidOfDefinition = async () => (await definitions.readCustomResourceDefinition({ name })).metadata?.uid;

async function notesOf(instance: PlatformInstance): Promise<unknown[]> {
  const [namespace] = await namespacesOf(home, instance.id);
  const listed = (await kubeConfig()
    .makeApiClient(CustomObjectsApi)
    .listNamespacedCustomObject({
      ...{ group, version: 'v1', plural: 'notes', namespace: namespace?.metadata?.name ?? '' },
    })) as { items: { spec: unknown }[] };
  return listed.items.map(({ spec }) => spec);
}

describe.each(helmModes)('in mode %s', (mode) => {
  it('two instances share the definition, and it stays when they are gone', async () => {
    const plan = { service_id: 'notes', plan_id: `note-${mode}` };
    const [one, two] = [new PlatformInstance(plan, 'default'), new PlatformInstance(plan, 'default')];
    await Promise.all([one.provision(broker), two.provision(broker)]);
    const uid = await uidOfDefinition();
    for (const instance of [one, two]) expect(await notesOf(instance)).toEqual([{ text: 'hello' }]);
    await one.deprovision(broker);
    expect(await uidOfDefinition()).toBe(uid);
    expect(await notesOf(two)).toEqual([{ text: 'hello' }]);
    await two.deprovision(broker);
    expect(await uidOfDefinition()).toBe(uid);
  });

  it('one that stands without a version fails at once what needs that one, and nothing else', async () => {
    const planOf = (chart: string) => ({ service_id: 'notes', plan_id: `${chart}-${mode}` });
    const content = new PlatformInstance(planOf('newer'), 'default');
    await content.provision(broker);
    expect(await notesOf(content)).toEqual([{ text: 'hello' }]);

    const demanding = new PlatformInstance(planOf('newest'), 'default');
    const startedAt = performance.now();
    await expect(demanding.provision(broker)).rejects.toThrow(
      `The cluster has no kind Note in ${group}/v2, but in ${group}/v1. Its CustomResourceDefinition is of another version`,
    );
    expect(performance.now() - startedAt).toBeLessThan(60_000);
    for (const instance of [content, demanding]) await instance.deprovision(broker);
  });
});
