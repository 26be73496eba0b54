import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { identityLabels } from '../../src/lib/labels.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

/** Sorts behind the namespaces of instances, where the last one would win. */
const tenant = 'zz-tenant';
let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 300 } });
  harness.cluster.addNamespace(tenant);
  harness.startWatcher();
  harness.startWorker();
});
afterAll(() => harness.close());

/** A Service that anybody with rights in their own namespace can make: labels are no secret. */
async function plantService(instance: ServiceInstance, name: string): Promise<void> {
  await harness.cluster.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: tenant,
      labels: {
        'app.kubernetes.io/component': 'primary',
        ...identityLabels({
          installationId: harness.store.installationId,
          instanceUid: instance.uid,
          resourceId: 'server',
        }),
      },
    },
    spec: { ports: [{ port: 6666 }] },
  });
}

test('a Service in another namespace that copies our labels does not become the address of the instance', async () => {
  const { instance, operation } = await harness.provision();
  await plantService(instance, 'zz-evil');
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');

  const { outputs } = await harness.instance(instance);
  expect(outputs.host).toContain(`.${instance.namespace}.svc`);
  expect(outputs.port).not.toBe(6666);
});

test('neither does it hold up a deprovision, nor is it touched by it', async () => {
  const { instance, operation } = await harness.provision();
  await harness.untilFinished(operation);
  await plantService(instance, 'a-evil');
  expect((await harness.untilFinished(await harness.deprovision(instance))).state).toBe('succeeded');
  expect(
    await harness.cluster.get({ apiVersion: 'v1', kind: 'Service', namespace: tenant, name: 'a-evil' }),
  ).toBeDefined();
});
