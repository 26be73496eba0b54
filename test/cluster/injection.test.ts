/** Parameters that try to be more than data, through a real broker, a real helm and the real API server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core } from '../support/cluster.ts';
import { literalTexts, refusedParameters, templateTexts } from '../support/injection/cases.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { connectTestCluster, type TestCluster } from '../support/kube.ts';
import { PlatformInstance } from '../support/platform-instance.ts';
import { queryDatabase } from '../support/postgres.ts';
import { copyForMode, helmModes } from '../support/rendered-catalog.ts';

const secret = 'canary-of-another-tenant';

describe.each(helmModes)('in mode %s', (mode) => {
  let cluster: TestCluster;
  let victim: string;
  let catalog: Awaited<ReturnType<typeof copyForMode>>;
  let home: BrokerHome;
  let broker: TestBroker;

  beforeAll(async () => {
    cluster = await connectTestCluster();
    victim = await cluster.makeNamespace();
    await core().createNamespacedSecret({
      namespace: victim,
      body: { metadata: { name: 'victim' }, stringData: { password: secret } },
    });
    catalog = await copyForMode('injection', mode);
    home = await createBrokerHome({
      CHANDLER_CATALOG: catalog.folder,
      CHANDLER_PLAN_SET: JSON.stringify({ victim }),
    });
    broker = await home.start();
  });
  afterAll(async () => {
    if (home !== undefined) await removeInstallation(home);
    await catalog?.remove();
    await cluster?.close();
  });

  const planOf = (name: string) => ({ service_id: 'injection-service', plan_id: `injection-${name}` });

  /** What the chart wrote down of the values that it got. */
  async function written(plan: string, parameters: JsonObject) {
    const instance = new PlatformInstance(planOf(plan), 'default');
    await instance.provision(broker, parameters);
    const namespace = (await namespacesOf(home, instance.id))[0]?.metadata?.name ?? '';
    const { data } = await core().readNamespacedConfigMap({ name: `${namespace}-server`, namespace });
    return { instance, data: data ?? {} };
  }

  it('what is no value of a parameter is refused before there is a row', async () => {
    for (const [what, parameters, status] of refusedParameters) {
      const instance = new PlatformInstance(planOf('free'), 'default');
      const body = JSON.stringify({
        ...planOf('free'),
        organization_guid: 'o',
        space_guid: 's',
        parameters: 0,
      });
      const answer = await fetch(`${broker.url}${instance.path}?accepts_incomplete=true`, {
        method: 'PUT',
        headers: {
          authorization: `Basic ${Buffer.from(`platform:${home.password}`).toString('base64')}`,
          'x-broker-api-version': '2.17',
          'content-type': 'application/json',
        },
        body: body.replace('"parameters":0', () => `"parameters":${parameters}`),
      });
      expect([what, answer.status]).toEqual([what, status]);
    }
    expect(await queryDatabase(home.databaseUrl, 'select from service_instances')).toEqual([]);
  });

  it('texts of every kind arrive in the object as they are, template text included where the plan is free of tpl', async () => {
    const texts = [...literalTexts, ...templateTexts];
    const instances: PlatformInstance[] = [];
    for (let at = 0; at < texts.length; at += 6) {
      await Promise.all(
        texts.slice(at, at + 6).map(async (text) => {
          const { instance, data } = await written('free', { text });
          instances.push(instance);
          expect(data.text).toBe(text);
          expect(JSON.parse(data.values ?? '')).toEqual({ text, size: '1Gi', count: 1, flag: false });
        }),
      );
    }
    expect(instances).toHaveLength(texts.length);
    for (let at = 0; at < instances.length; at += 8) {
      await Promise.all(instances.slice(at, at + 8).map((instance) => instance.deprovision(broker)));
    }
  });

  it('numbers, sizes and switches keep their types', async () => {
    const { instance, data } = await written('guarded', { size: '1.5Gi', count: 9, flag: true });
    expect(JSON.parse(data.values ?? '')).toEqual({ text: '', size: '1.5Gi', count: 9, flag: true });
    await instance.deprovision(broker);
  });

  it('a chart that runs a value finds no Secret of anybody: there is no cluster where it runs', async () => {
    const { instance, data } = await written('leak', {});
    expect(data.ran).toBe('42');
    expect(data.text).toBe('map[]');
    expect(JSON.stringify(data)).not.toContain(Buffer.from(secret).toString('base64'));
    await instance.deprovision(broker);
  });
});
