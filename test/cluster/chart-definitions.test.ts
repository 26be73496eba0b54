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

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: {
    group,
    names: { kind: 'Note', plural: 'notes' },
    scope: 'Namespaced',
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'chandler-test-definitions-'));
  const offering = {
    ...{ apiVersion: 'chandler.dev/v1', kind: 'ServiceOffering', id: 'notes', name: 'notes' },
    ...{ description: 'Notes', policy: { kinds: [`${group}/Note`] } },
    plans: helmModes.map((mode) => ({
      ...{ id: `notes-${mode}`, name: mode, description: 'A note' },
      resources: [{ id: 'server', helm: { chart: 'charts/note', mode, crds: 'apply' } }],
    })),
  };
  const files = {
    'catalog/notes.yaml': stringify(offering),
    'charts/note/Chart.yaml': 'apiVersion: v2\nname: note\nversion: 1.0.0\n',
    'charts/note/crds/note.yaml': stringify(definition),
    'charts/note/templates/note.yaml': `apiVersion: ${group}/v1\nkind: Note\nmetadata: { name: "{{ .Release.Name }}" }\nspec: { text: hello }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\n`,
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
    const plan = { service_id: 'notes', plan_id: `notes-${mode}` };
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
});
