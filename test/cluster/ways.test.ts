/**
 * One service made in each way that there is: the same requests, the same app, and no trace in the end. Prints the table
 * of docs/provisioners.md.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppNamespace, sampleAppDeployment, sampleAppMark } from '../../src/start/quickstart/sample-app.ts';
import {
  type AuditedAccess,
  type AuditedRequest,
  createAuditedAccess,
  tally,
} from '../support/audited-access.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, eventually, runSql } from '../support/cluster.ts';
import { namespacesOf, removeInstallation } from '../support/installation.ts';
import { ensurePostgresServers, mayInstallOperators } from '../support/kro.ts';
import { connectTestCluster } from '../support/kube.ts';
import { type PlanIds, PlatformInstance } from '../support/platform-instance.ts';

// An operator is installed for a whole cluster, so not on one that was only lent.
const ways = ['render', 'release', 'manifests', ...(mayInstallOperators ? ['operator'] : [])];
const auditLogPath = inject('auditLogPath');

interface Row {
  way: string;
  [column: string]: string;
}

describe.skipIf(auditLogPath === '')('a PostgreSQL', () => {
  const rows: Row[] = [];
  let app: AppNamespace;
  let access: AuditedAccess;
  let home: BrokerHome;
  let broker: TestBroker;
  const plans = new Map<string, PlanIds>();

  beforeAll(async () => {
    app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
    await app.create();
    if (mayInstallOperators) {
      const { cluster, close } = await connectTestCluster();
      await ensurePostgresServers(cluster);
      await close();
    }
    access = await createAuditedAccess(app.name, auditLogPath);
    home = await createBrokerHome({
      CHANDLER_CATALOG: 'examples/ways',
      CHANDLER_KUBECONFIG: access.kubeconfigPath,
    });
    broker = await home.start();
    const { body } = await broker.client.expect([200], 'GET', '/v2/catalog');
    const [service] = body.services as { id: string; plans: { id: string; name: string }[] }[];
    for (const { id, name } of service?.plans ?? []) {
      plans.set(name, { service_id: service?.id ?? '', plan_id: id });
    }
  }, 600_000);

  afterAll(async () => {
    console.table(rows);
    if (home !== undefined) await removeInstallation(home);
    await access?.remove();
    await app?.remove();
  });

  async function measured(
    work: () => Promise<void>,
  ): Promise<{ seconds: string; requests: AuditedRequest[] }> {
    let seconds = 0;
    const requests = await access.during(async () => {
      const startedAt = performance.now();
      await work();
      seconds = (performance.now() - startedAt) / 1000;
    });
    return { seconds: seconds.toFixed(1), requests };
  }

  it.each(ways)(
    'made by %s is provisioned, bound, used, updated and removed without a trace',
    async (way) => {
      const plan = plans.get(way);
      if (plan === undefined) throw new Error(`there is no plan ${way}`);
      const row: Row = { way };
      const note = (verb: string, { seconds, requests }: { seconds: string; requests: AuditedRequest[] }) => {
        row[verb] = `${seconds} s`;
        row[`${verb} requests`] = String(requests.length);
        console.log(`${way}, ${verb}: ${seconds} s\n  ${tally(requests).join('\n  ')}`);
      };
      // The first one of a kind starts its watches and asks what the cluster has.
      const first = new PlatformInstance(plan, app.name);
      await first.provision(broker);
      const instance = new PlatformInstance(plan, app.name);
      note('provision', await measured(() => instance.provision(broker)));

      const bindingId = randomUUID();
      note(
        'bind',
        await measured(async () => {
          await instance.bind(broker, bindingId);
        }),
      );
      const bindingName = await app.findBindingSecret(bindingId);
      const name = `app-${way}`;
      await app.deploy(
        sampleAppDeployment({ namespace: app.name, name, bindingName, image: inject('postgresqlImage') }),
      );
      expect(await app.waitForLine(name, sampleAppMark)).toMatch(/wrote row 1 and read 1 row/);
      await app.deleteDeployment(name);

      note('update', await measured(() => instance.update(broker, { parameters: { maxConnections: 50 } })));
      const login = await instance.credentials(broker, bindingId);
      const [setting] = await eventually('the server is back', () =>
        runSql<{ max_connections: string }>(login, 'show max_connections').catch(() => undefined),
      );
      expect(setting).toEqual({ max_connections: '50' });
      expect(await runSql(login, 'select pod from greetings')).toHaveLength(1);

      note('unbind', await measured(() => instance.unbind(broker, bindingId)));
      await expect(runSql(login, 'select 1')).rejects.toThrow(
        /authentication failed|not exist|not permitted/,
      );

      const [namespace] = await namespacesOf(home, instance.id);
      note('deprovision', await measured(() => instance.deprovision(broker)));
      await first.deprovision(broker);
      rows.push(row);
      expect(await namespacesOf(home)).toEqual([]);
      await eventually('its volume is deleted', async () => {
        const { items } = await core().listPersistentVolume();
        const left = items.some(({ spec }) => spec?.claimRef?.namespace === namespace?.metadata?.name);
        return left ? undefined : true;
      });
    },
  );
});
