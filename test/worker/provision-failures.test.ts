import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FakeRequest } from '../../src/kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../../src/kube/types.ts';
import { serverChart } from '../support/server-plan.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(async () => {
  await harness.stopAll();
  harness.cluster.warnings = [];
  harness.provider.before = () => undefined;
});

const applying = (kind: string) => (request: FakeRequest) =>
  request.verb === 'apply' && request.reference.kind === kind;

describe('what the API server refuses', () => {
  test("ends the operation with the API server's own words but no values, and the instance as failed", async () => {
    const words = 'StatefulSet.apps "db" is invalid: spec.replicas: Invalid value';
    const refusal = new KubeError(422, 'Invalid', `${words}: "canary-1": must be positive`);
    harness.cluster.failNext(applying('StatefulSet'), refusal);
    const { instance, operation } = await harness.provision();
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'ApplyRejected',
      description: `Kubernetes rejected StatefulSet ${instance.externalName}-server: ${words}`,
    });
    expect((await harness.instance(instance)).state).toBe('provision failed');
    expect(inspect([refusal, harness.events], { depth: 12 })).not.toContain('canary-1');
  });

  test.each([
    [503, ''],
    [429, 'TooManyRequests'],
    [0, 'ConnectionLost'],
    [401, 'Unauthorized'],
  ])('for now (%s %s) is tried again after a pause, and then succeeds', async (status, reason) => {
    harness.cluster.failNext(applying('Secret'), new KubeError(status, reason, 'not now'));
    harness.cluster.failNext(applying('StatefulSet'), new KubeError(status, reason, 'not now'));
    const { operation } = await harness.provision();
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');
    const retries = harness.eventsOf('operationRetried', operation).map(({ fields }) => fields);
    expect(retries).toMatchObject([
      { attempts: 1, errorCode: 'ClusterUnreachable' },
      { attempts: 1, errorCode: 'ClusterUnreachable' },
    ]);
    for (const { delayMs } of retries) expect(delayMs).toBeGreaterThanOrEqual(250);
  });

  test('by warning alone, because no pod of it may run, ends the operation with the warning', async () => {
    harness.cluster.warnings = [
      'something else',
      'would violate PodSecurity "restricted:latest": runAsNonRoot != true',
    ];
    const { instance, operation } = await harness.provision();
    expect(await harness.untilFinished(operation)).toMatchObject({
      errorCode: 'ApplyRejected',
      description: `Namespace ${instance.namespace} cannot run: ${harness.cluster.warnings[1]}`,
    });
  });
});

describe('a chart is refused before anything of it is applied when it holds', () => {
  const object = (kind: string, metadata: object, apiVersion = 'v1'): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name: 'odd', ...metadata },
  });
  test.each<[string, KubeObject, string]>([
    [
      'a hook',
      object('ConfigMap', { annotations: { 'helm.sh/hook': 'pre-install' } }),
      'ConfigMap odd is a Helm hook',
    ],
    [
      'a cluster-scoped object',
      object('StorageClass', {}, 'storage.k8s.io/v1'),
      'StorageClass odd is cluster-scoped',
    ],
    [
      'another namespace',
      object('ConfigMap', { namespace: 'app' }),
      'ConfigMap odd names another namespace (app)',
    ],
    [
      'an unknown kind',
      object('Cluster', {}, 'postgresql.cnpg.io/v1'),
      'Cluster odd is of a kind that the plan does not list',
    ],
    [
      'a path of the node in a pod template',
      {
        ...object('Deployment', {}, 'apps/v1'),
        spec: { template: { spec: { volumes: [{ name: 'root', hostPath: { path: '/' } }] } } },
      },
      'Deployment odd mounts a path of the node (the hostPath volume root) (allowed by policy.allow: [hostPath])',
    ],
  ])('%s', async (_what, odd, words) => {
    const { instance, operation } = await harness.provision({
      charts: { server: (request) => [...serverChart(request), odd] },
    });
    const finished = await harness.untilFinished(operation);
    expect(finished).toMatchObject({ state: 'failed', errorCode: 'ApplyRejected' });
    expect(finished.description).toContain(words);
    expect(harness.objectsOf(instance).map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);
    expect((await harness.inventoryOf(instance)).map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);
  });

  test('a kind that the plan lists and no operator brought, in words of its own', async () => {
    const { instance, operation } = await harness.provision({
      policy: { kinds: ['postgresql.cnpg.io/Cluster'] },
      charts: { server: () => [object('Cluster', {}, 'postgresql.cnpg.io/v1')] },
    });
    const finished = await harness.untilFinished(operation);
    expect(finished).toMatchObject({ state: 'failed', errorCode: 'OperatorMissing' });
    expect(finished.description).toContain('has no kind Cluster in postgresql.cnpg.io/v1');
    expect(harness.objectsOf(instance).map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);
  });
});
