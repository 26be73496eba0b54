/** Mode release on the real cluster: a release that helm itself knows, its hooks, and the end of a helm in the middle. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { batch, core, eventually } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { PlatformInstance } from '../support/platform-instance.ts';

const plans = {
  real: { service_id: 'release-service', plan_id: 'release-real' },
  rendered: { service_id: 'release-service', plan_id: 'release-rendered' },
};
let home: BrokerHome;
let broker: TestBroker;

beforeAll(async () => {
  home = await createBrokerHome({ CHANDLER_CATALOG: 'test/support/release/catalog' });
  broker = await home.start();
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
});

async function namespaceOf(instance: PlatformInstance): Promise<string> {
  const [namespace] = await namespacesOf(home, instance.id);
  return namespace?.metadata?.name ?? '';
}

/** Status by revision, as Helm's own records say it. */
async function recordsOf(namespace: string): Promise<Record<string, string>> {
  const { items } = await core().listNamespacedSecret({ namespace, labelSelector: 'owner=helm' });
  const labels = items.map(({ metadata }) => metadata?.labels ?? {});
  return Object.fromEntries(labels.map(({ version, status }) => [version, status]));
}

/** Data by the end of the name. */
async function configMapsOf(namespace: string): Promise<Record<string, string | undefined>> {
  const { items } = await core().listNamespacedConfigMap({ namespace });
  const ours = items.filter(({ metadata }) => metadata?.name?.startsWith('i-'));
  return Object.fromEntries(
    ours.map(({ metadata, data }) => [metadata?.name?.split('-').at(-1), data?.text]),
  );
}

async function hooksOf(namespace: string): Promise<string[]> {
  const { items } = await batch().listNamespacedJob({ namespace });
  return items.map(({ metadata }) => metadata?.name?.replace(/^i-[^-]+-server-/, '') ?? '').sort();
}

async function failureOf(work: Promise<void>): Promise<string> {
  return work.then(
    () => '',
    (thrown: Error) => thrown.message,
  );
}

describe('a release', () => {
  it('is made, upgraded and uninstalled by helm with its hooks, keeps as many revisions as the plan says, and leaves nothing', async () => {
    const instance = new PlatformInstance(plans.real, 'default');
    await instance.provision(broker);
    const namespace = await namespaceOf(instance);
    expect(await recordsOf(namespace)).toEqual({ 1: 'deployed' });
    expect(await hooksOf(namespace)).toEqual(['post-install']);

    await instance.update(broker, { parameters: { text: 'second {{ .Values }}', more: true } });
    expect(await configMapsOf(namespace)).toEqual({ state: 'second {{ .Values }}', more: undefined });
    expect(await hooksOf(namespace)).toEqual(['post-install', 'pre-upgrade']);
    await instance.update(broker, { parameters: { more: false } });
    expect(Object.keys(await configMapsOf(namespace))).toEqual(['state']);
    for (const text of ['third', 'fourth']) await instance.update(broker, { parameters: { text } });
    expect(await recordsOf(namespace)).toEqual({ 3: 'superseded', 4: 'superseded', 5: 'deployed' });

    await instance.startDeprovision(broker);
    await eventually('the hook before a deletion runs', async () =>
      (await hooksOf(namespace)).includes('pre-delete') ? true : undefined,
    );
    await instance.untilFinished(broker);
    expect(await namespacesOf(home, instance.id)).toEqual([]);
  });

  it('fails in the words of helm when a hook fails, and is made well by the next update', async () => {
    const instance = new PlatformInstance(plans.real, 'default');
    expect(await failureOf(instance.provision(broker, { hookFails: true }))).toMatch(
      /helm could not make the release of server: .*post-install.*failed/,
    );
    await instance.deprovision(broker).catch(() => undefined);
    const second = new PlatformInstance(plans.real, 'default');
    await second.provision(broker);
    const namespace = await namespaceOf(second);
    expect(
      await failureOf(second.update(broker, { parameters: { hookFails: true, text: 'never' } })),
    ).toMatch(/helm could not make the release of server/);
    expect(await configMapsOf(namespace)).toEqual({ state: 'first' });
    await second.update(broker, { parameters: { hookFails: false, text: 'well' } });
    expect(await configMapsOf(namespace)).toEqual({ state: 'well' });
    await second.deprovision(broker);
  });

  it('may become objects that Chandler applies, and a release again', async () => {
    const instance = new PlatformInstance(plans.real, 'default');
    await instance.provision(broker);
    const namespace = await namespaceOf(instance);
    const uid = async () => {
      const { items } = await core().listNamespacedConfigMap({ namespace });
      return items.find(({ metadata }) => metadata?.name?.endsWith('-state'))?.metadata?.uid;
    };
    const made = await uid();
    await instance.update(broker, { plan_id: plans.rendered.plan_id, parameters: { text: 'by us' } });
    expect([await configMapsOf(namespace), await uid()]).toEqual([{ state: 'by us' }, made]);
    expect(await recordsOf(namespace)).toEqual({});
    await instance.update(broker, { plan_id: plans.real.plan_id, parameters: { text: 'again' } });
    expect([await configMapsOf(namespace), await uid()]).toEqual([{ state: 'again' }, made]);
    await instance.deprovision(broker);
    expect(await namespacesOf(home, instance.id)).toEqual([]);
  });
});

/** The helm that works on a namespace. */
async function findHelm(namespace: string): Promise<number | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const words = line.split('\0');
    if (words[0]?.endsWith('/helm') && words.includes(`--namespace=${namespace}`)) return Number(entry);
  }
  return undefined;
}

/** Kills helm while it waits for a hook, so in the middle of its work. */
async function killHelm(instance: PlatformInstance, hook: string): Promise<void> {
  const namespace = await eventually('the namespace', async () => (await namespaceOf(instance)) || undefined);
  await eventually(`hook ${hook} runs`, async () =>
    (await hooksOf(namespace)).includes(hook) ? true : undefined,
  );
  const pid = await eventually('helm runs', () => findHelm(namespace));
  const status = Object.values(await recordsOf(namespace)).at(-1);
  console.log(`SIGKILL to helm while its newest record says ${status}`);
  process.kill(pid, 'SIGKILL');
}

describe('SIGKILL of helm in the middle of', () => {
  const slow = { hookSeconds: 6 };

  it('an install: it is made all the same', async () => {
    const instance = new PlatformInstance(plans.real, 'default', randomUUID());
    await instance.startProvision(broker, slow);
    await killHelm(instance, 'post-install');
    await instance.untilFinished(broker);
    const namespace = await namespaceOf(instance);
    expect(await recordsOf(namespace)).toEqual({ 1: 'deployed' });
    expect(await configMapsOf(namespace)).toEqual({ state: 'first' });
    await instance.deprovision(broker);
  });

  it('an upgrade: it is upgraded all the same', async () => {
    const instance = new PlatformInstance(plans.real, 'default');
    await instance.provision(broker);
    const namespace = await namespaceOf(instance);
    const updated = instance.update(broker, { parameters: { ...slow, text: 'upgraded', more: true } });
    await killHelm(instance, 'pre-upgrade');
    await updated;
    expect(await recordsOf(namespace)).toEqual({ 1: 'superseded', 2: 'deployed' });
    expect(await configMapsOf(namespace)).toEqual({ state: 'upgraded', more: undefined });
    await instance.deprovision(broker);
  });

  it('an uninstall: nothing is left', async () => {
    const instance = new PlatformInstance(plans.real, 'default');
    await instance.provision(broker, slow);
    await instance.startDeprovision(broker);
    await killHelm(instance, 'pre-delete');
    await instance.untilFinished(broker);
    expect(await namespacesOf(home, instance.id)).toEqual([]);
  });
});
