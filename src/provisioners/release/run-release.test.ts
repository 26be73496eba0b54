import { expect, it } from 'vitest';
import { type Helm, HelmError } from '../../helm/types.ts';
import { FakeCluster } from '../../kube/fake-cluster.ts';
import type { InstanceTarget } from '../types.ts';
import { releaseObjects } from './release-objects.ts';
import { bringRelease } from './run-release.ts';

/** The error of a release where helm ends with these words. */
async function failureOf(words: string): Promise<unknown> {
  const cluster = new FakeCluster({ name: 'local' });
  cluster.addNamespace('space');
  const upgrade: Helm['upgrade'] = () => Promise.reject(new HelmError(words));
  const target = {
    ...{ cluster, helm: { upgrade }, name: 'i-abc', namespace: 'space', annotations: {} },
    identity: { installationId: 'installation', instanceUid: 'instance' },
  } as unknown as InstanceTarget;
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'i-abc-db', namespace: 'space' } };
  const desired = await releaseObjects([service], target, 'db');
  for (const { object, by } of desired) if (by === undefined) await cluster.apply(object);
  const spec = { hookTimeout: 60, history: 2 };
  const run = {
    resourceId: 'db',
    spec,
    target,
    guard: () => undefined,
    chartName: 'server',
    again: false,
    withHooks: true,
  };
  return bringRelease(desired, run).catch((thrown: unknown) => thrown);
}

it.each([
  'Kubernetes cluster unreachable: Get "https://10.0.0.1:6443/version": EOF',
  'Kubernetes cluster unreachable: the server has asked for the client to provide credentials',
  'UPGRADE FAILED: Get "https://k8s/api/v1/namespaces": dial tcp: lookup k8s on 10.0.0.2:53: no such host',
  'UPGRADE FAILED: Post "https://k8s/api": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
  'server-side apply failed: Internal error occurred: failed calling webhook "x": x509: expired',
  'UPGRADE FAILED: query: failed to query with labels: unexpected EOF',
])('tries again what passes: %s', async (words) => {
  expect(await failureOf(words)).toMatchObject({ code: 'ClusterUnreachable' });
});

it.each([
  'UPGRADE FAILED: failed post-install: 1 error occurred: * job i-abc-db failed: BackoffLimitExceeded',
  'UPGRADE FAILED: failed pre-upgrade: context deadline exceeded',
])('ends with what does not: %s', async (words) => {
  expect(await failureOf(words)).toMatchObject({
    ...{ code: 'ResourceFailed', retry: false },
    message: expect.stringContaining(words),
  });
});

it('repeats no value that the API server quotes, nor tells it to the log', async () => {
  const words =
    'server-side apply failed: Service "i-abc-db" is invalid: spec.type: Invalid value: "hunter2-hunter2"';
  const failure = (await failureOf(words)) as Error & { cause: Error };
  expect(failure.message).toMatch(/Service "i-abc-db" is invalid: spec.type: Invalid value$/);
  expect(`${failure.stack} ${failure.cause.stack}`).not.toContain('hunter2');
});
