/** What a plan may make beyond the everyday: it is applied where it belongs, and goes with the instance. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PlanPolicy } from '../../src/domain/policy/types.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { serverChart } from '../support/server-plan.ts';
import { type PlanOptions, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const group = 'rbac.authorization.k8s.io';
const policy: PlanPolicy = { clusterScoped: [`${group}/ClusterRole`] };
const roleReference = (name: string) => ({ apiVersion: `${group}/v1`, kind: 'ClusterRole', name });

function withRole(rules: object[], rest: PlanOptions = { policy }): PlanOptions {
  const role = ({ releaseName, namespace }: RenderRequest): KubeObject => ({
    ...{ apiVersion: `${group}/v1`, kind: 'ClusterRole', rules },
    metadata: { name: `${releaseName}-nodes`, namespace },
  });
  return { charts: { server: (request) => [...serverChart(request), role(request)] }, ...rest };
}
const rule = (verb: string) => [{ apiGroups: [''], resources: ['nodes'], verbs: [verb] }];

describe('a cluster-scoped object that the plan allows', () => {
  test('is made without a namespace, changed by an update, and gone with the instance', async () => {
    const { instance, operation } = await harness.provision(withRole(rule('get')));
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');
    const reference = roleReference(`${instance.externalName}-server-nodes`);
    const made = await harness.cluster.get(reference);
    expect(made?.metadata.namespace).toBeUndefined();
    expect(made?.metadata.labels).toMatchObject({ [labelKeys.instance]: instance.uid });
    expect(await harness.inventoryOf(instance)).toContainEqual(
      expect.objectContaining({ ...reference, namespace: '' }),
    );

    const { operation: updates } = await harness.update(instance, withRole(rule('list')));
    expect((await harness.untilFinished(updates)).state).toBe('succeeded');
    expect(await harness.cluster.get(reference)).toMatchObject({
      rules: rule('list'),
      metadata: { uid: made?.metadata.uid },
    });

    expect(
      (await harness.untilFinished(await harness.deprovision(await harness.instance(instance)))).state,
    ).toBe('succeeded');
    expect(harness.objectsOf(instance)).toEqual([]);
  });

  test('goes when an update no longer has it', async () => {
    const { instance, operation } = await harness.provision(withRole(rule('get')));
    await harness.untilFinished(operation);
    const { operation: updates } = await harness.update(instance);
    expect((await harness.untilFinished(updates)).state).toBe('succeeded');
    expect(await harness.cluster.get(roleReference(`${instance.externalName}-server-nodes`))).toBeUndefined();
  });

  test('of somebody else is not taken over, and stays when the instance goes', async () => {
    const { instance, operation } = await harness.provision({
      policy,
      charts: {
        server: ({ releaseName }) => {
          const metadata = { name: `${releaseName}-nodes` };
          if (harness.cluster.all().every((object) => object.metadata.name !== metadata.name)) {
            void harness.cluster.create({ ...roleReference(metadata.name), metadata, rules: [] });
          }
          return [{ ...roleReference(metadata.name), metadata, rules: rule('get') }];
        },
      },
    });
    expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'AdoptionRefused' });
    await harness.untilFinished(await harness.deprovision(instance));
    const reference = roleReference(`${instance.externalName}-server-nodes`);
    expect(await harness.cluster.get(reference)).toMatchObject({ rules: [] });
  });
});

describe('the namespace of an instance', () => {
  const level = (instance: { namespace: string }) => {
    const found = harness.cluster
      .all()
      .find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === instance.namespace);
    return found?.metadata.labels?.['pod-security.kubernetes.io/enforce'];
  };

  test('enforces the Pod Security level that the plan needs, and follows it in an update', async () => {
    const { instance, operation } = await harness.provision();
    await harness.untilFinished(operation);
    expect(level(instance)).toBe('restricted');
    for (const [allow, expected] of [
      [['baseline', 'NodePort'], 'baseline'],
      [['baseline', 'hostPorts'], 'privileged'],
      [['LoadBalancer'], 'restricted'],
    ] as const) {
      const { operation: updates } = await harness.update(instance, { policy: { allow: [...allow] } });
      expect((await harness.untilFinished(updates)).state).toBe('succeeded');
      expect(level(instance)).toBe(expected);
    }
  });
});
