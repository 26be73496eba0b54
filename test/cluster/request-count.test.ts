/** What one verb costs the API server, counted from its own audit log and printed. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import {
  type AuditedAccess,
  type AuditedRequest,
  createAuditedAccess,
  tally,
} from '../support/audited-access.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { type CatalogCopy, copyCatalog, markedStorage, onlyMarked } from '../support/catalog-copy.ts';
import { removeInstallation } from '../support/installation.ts';
import { firstPlan, type PlanIds, PlatformInstance } from '../support/platform-instance.ts';

/** Longer than the safety net of a waiting operation, so that its polling would be seen. */
const slowStartSeconds = 35;

const sleepingContainer = `\
      initContainers:
        - name: slow-start
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
          command: [/bin/sleep, "${slowStartSeconds}"]
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]`;

const auditLogPath = inject('auditLogPath');

describe.skipIf(auditLogPath === '')('requests to the API server', () => {
  let app: AppNamespace;
  let catalog: CatalogCopy;
  let access: AuditedAccess;
  let home: BrokerHome;
  let broker: TestBroker;
  let plan: PlanIds;
  let normal: PlatformInstance;
  let normalCount: AuditedRequest[];

  beforeAll(async () => {
    app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
    await app.create();
    access = await createAuditedAccess(app.name, auditLogPath);
    catalog = await copyCatalog({
      'statefulset.yaml': (text) =>
        text.replace('      containers:\n', `      ${onlyMarked(sleepingContainer)}\n      containers:\n`),
    });
    home = await createBrokerHome();
  });

  afterAll(async () => {
    if (home !== undefined) await removeInstallation(home);
    await access?.remove();
    await catalog?.remove();
    await app?.remove();
  });

  async function count(what: string, work: () => Promise<void>): Promise<AuditedRequest[]> {
    const startedAt = performance.now();
    const requests = await access.during(work);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${what}: ${requests.length} requests in ${seconds} s\n  ${tally(requests).join('\n  ')}`);
    return requests;
  }

  /** Two more or less: a preparation that comes before the server listens is tried again and asks for its Service. */
  function expectAsMany(requests: AuditedRequest[], others: AuditedRequest[]): void {
    const difference = Math.abs(requests.length - others.length);
    expect(difference, `${tally(requests).join(', ')} against ${tally(others).join(', ')}`).toBeLessThan(3);
  }

  it('of a first provision are those of any other, and discovery and watches, which are made once', async () => {
    const first = await count('start of the broker and first provision', async () => {
      broker = await home.start({
        CHANDLER_KUBECONFIG: access.kubeconfigPath,
        CHANDLER_CATALOG: catalog.folder,
      });
      plan = await firstPlan(broker);
      await new PlatformInstance(plan, app.name).provision(broker);
    });
    normal = new PlatformInstance(plan, app.name);
    normalCount = await count('provision', () => normal.provision(broker));

    const standing = ['list', 'watch'];
    expect(normalCount.length).toBeGreaterThan(0);
    expect(normalCount.filter(({ verb }) => standing.includes(verb))).toEqual([]);
    const firstOfInstance = first.filter(
      ({ verb, resource }) => !standing.includes(verb) && !resource.startsWith('/'),
    );
    expectAsMany(firstOfInstance, normalCount);
  });

  it('do not grow with the time that the pod takes to start', async () => {
    const slow = new PlatformInstance(plan, app.name);
    const startedAt = performance.now();
    const slowCount = await count(`provision whose pod takes ${slowStartSeconds} s longer`, () =>
      slow.provision(broker, { storage: markedStorage }),
    );
    expect(performance.now() - startedAt).toBeGreaterThan(slowStartSeconds * 1000);
    expectAsMany(slowCount, normalCount);
    await slow.deprovision(broker);
  });

  it('of the other verbs are few, and go only where the instance and its app are', async () => {
    const bindingId = randomUUID();
    const bind = await count('bind', async () => {
      await normal.bind(broker, bindingId);
    });
    const unbind = await count('unbind', () => normal.unbind(broker, bindingId));
    const deprovision = await count('deprovision', () => normal.deprovision(broker));

    const places = new Set([...bind, ...unbind, ...deprovision].map(({ namespace }) => namespace));
    expect([...places].filter((place) => place !== '' && place !== app.name)).toHaveLength(1);
    expect(bind.length).toBeLessThan(10);
    expect(unbind.length).toBeLessThan(10);
    // Every wake on the way down may look for foreign objects and ask for a deletion once more.
    expect(deprovision.length).toBeLessThan(80);
  });
});
