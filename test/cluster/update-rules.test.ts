/** The rules of updates on the real cluster: volumes that grow under running pods, and what is refused beforehand. */
import { StorageV1Api } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { apps, core, kubeConfig } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';

const service_id = 'rules-service';
const rigid = 'chandler-test-rigid';
const storage = () => kubeConfig().makeApiClient(StorageV1Api);
let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  const { items } = await storage().listStorageClass();
  const standard = items.find(
    ({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  );
  const { provisioner = '', volumeBindingMode, reclaimPolicy, metadata } = standard ?? {};
  const settings = {
    ...(volumeBindingMode && { volumeBindingMode }),
    ...(reclaimPolicy && { reclaimPolicy }),
  };
  await storage().createStorageClass({
    body: { metadata: { name: rigid }, provisioner, ...settings, allowVolumeExpansion: false },
  });
  home = await createBrokerHome({ CHANDLER_CATALOG: 'test/support/update-rules/catalog' });
  const set = JSON.parse(home.environment.CHANDLER_PLAN_SET ?? '{}') as JsonObject;
  broker = await home.start({
    CHANDLER_PLAN_SET: JSON.stringify({ ...set, standardClass: metadata?.name ?? '' }),
  });
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await storage().deleteStorageClass({ name: rigid });
});

async function provisioned(plan: string): Promise<{ instance: PlatformInstance; namespace: string }> {
  const instance = new PlatformInstance({ service_id, plan_id: `rules-${plan}` }, 'default');
  await instance.provision(broker);
  const [namespace] = await namespacesOf(home, instance.id);
  return { instance, namespace: namespace?.metadata?.name ?? '' };
}

function patch(instance: PlatformInstance, body: JsonObject) {
  return broker.client.call('PATCH', `${instance.path}?accepts_incomplete=true`, { service_id, ...body });
}

/** The StatefulSet, its claim and its pod, as they stand. */
async function standing(namespace: string) {
  const [sets, claims, pods] = await Promise.all([
    apps().listNamespacedStatefulSet({ namespace }),
    core().listNamespacedPersistentVolumeClaim({ namespace }),
    core().listNamespacedPod({ namespace }),
  ]);
  const [set, claim, pod] = [sets.items[0], claims.items[0], pods.items[0]];
  return {
    set: set?.metadata?.uid,
    template: set?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.storage,
    ready: set?.status?.readyReplicas,
    claim: claim?.metadata?.uid,
    asked: claim?.spec?.resources?.requests?.storage,
    has: claim?.status?.capacity?.storage,
    pod: pod?.metadata?.uid,
    owner: pod?.metadata?.ownerReferences?.[0]?.uid,
  };
}

async function noteOf(namespace: string): Promise<Record<string, string> | undefined> {
  const { items } = await core().listNamespacedConfigMap({ namespace });
  return items.find(({ metadata }) => metadata?.name?.endsWith('-note'))?.data;
}

it('grows the volume of a StatefulSet under its running pod, which the new StatefulSet takes over', async () => {
  const { instance, namespace } = await provisioned('small');
  const before = await standing(namespace);
  expect(before).toMatchObject({ template: '16Mi', asked: '16Mi', has: '16Mi', owner: before.set });

  await instance.update(broker, { parameters: { size: '32Mi', note: 'mine' } });
  const after = await standing(namespace);
  expect(after).toMatchObject({ template: '32Mi', asked: '32Mi', has: '32Mi', ready: 1 });
  expect([after.claim, after.pod, after.owner]).toEqual([before.claim, before.pod, after.set]);
  expect(after.set).not.toBe(before.set);

  // The user's values stay through the change of the plan, whose default for the note is another one.
  await instance.update(broker, { plan_id: 'rules-large' });
  expect(await noteOf(namespace)).toEqual({ note: 'mine', region: 'here' });
  expect(await standing(namespace)).toEqual(after);

  const refusals: [JsonObject, number, string][] = [
    [{ parameters: { size: '16Mi' } }, 422, 'can only grow'],
    [{ parameters: { size: '65Mi' } }, 400, 'The volume can be doubled at most.'],
    [{ parameters: { region: 'there' } }, 400, '`region` cannot be changed'],
    [{ plan_id: 'rules-elsewhere' }, 400, 'would set it from "here" to "there". Send it as it is.'],
    [{ plan_id: 'rules-small' }, 422, 'cannot change to the plan small, only to: elsewhere'],
  ];
  for (const [body, status, text] of refusals) {
    const refused = await patch(instance, body);
    expect([refused.status, refused.body.description]).toEqual([status, expect.stringContaining(text)]);
  }
  expect(await standing(namespace)).toEqual(after);
  const all = { size: '32Mi', note: 'mine', region: 'here' };
  await instance.update(broker, { plan_id: 'rules-elsewhere', parameters: all });
  expect(await noteOf(namespace)).toEqual({ note: 'mine', region: 'here' });

  const query = `accepts_incomplete=true&service_id=${service_id}&plan_id=rules-elsewhere`;
  await broker.client.expect([202], 'DELETE', `${instance.path}?${query}`);
  await instance.untilFinished(broker);
  expect(await namespacesOf(home, instance.id)).toEqual([]);
});

it('grows the volume of a release in the same way: helm makes the StatefulSet anew', async () => {
  const { instance, namespace } = await provisioned('released');
  const before = await standing(namespace);
  await instance.update(broker, { parameters: { size: '32Mi' } });
  const after = await standing(namespace);
  expect(after).toMatchObject({ template: '32Mi', asked: '32Mi', has: '32Mi', ready: 1 });
  expect([after.claim, after.pod, after.owner]).toEqual([before.claim, before.pod, after.set]);
  await instance.update(broker, { parameters: { size: '48Mi' } });
  expect(await standing(namespace)).toMatchObject({
    pod: before.pod,
    template: '48Mi',
    has: '48Mi',
    ready: 1,
  });
  await instance.deprovision(broker);
});

it('refuses at once what the StorageClass cannot do, and everything else still works', async () => {
  const { instance, namespace } = await provisioned('rigid');
  const before = await standing(namespace);
  const started = Date.now();
  const refused = await patch(instance, { parameters: { size: '32Mi' } });
  expect(refused.status).toBe(422);
  expect(refused.body.description).toContain(`the StorageClass ${rigid} of PersistentVolumeClaim data-`);
  expect(Date.now() - started).toBeLessThan(5_000);
  await instance.update(broker, { parameters: { note: 'new' } });
  expect(await noteOf(namespace)).toEqual({ note: 'new', region: 'here' });
  expect(await standing(namespace)).toEqual(before);
  await instance.deprovision(broker);
});
