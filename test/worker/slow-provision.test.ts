import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { identityLabels } from '../../src/lib/labels.ts';
import { helmResource, serverChart } from '../support/server-plan.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  // Nothing becomes ready by itself; tests write the status.
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 3_600_000 } });
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(async () => {
  await harness.stopAll();
  harness.provider.before = () => undefined;
});

const reference = ({ externalName, namespace }: ServiceInstance, kind: string, resourceId = 'server') => ({
  ...{ apiVersion: kind === 'StatefulSet' ? 'apps/v1' : 'v1', kind, namespace },
  name: `${externalName}-${resourceId}`,
});

/** A pod of the resource whose image cannot be pulled. */
async function addTroubledPod(instance: ServiceInstance, resourceId = 'server') {
  const { namespace, uid: instanceUid } = instance;
  const { installationId } = harness.store;
  const pod = { ...reference(instance, 'Pod', resourceId), name: `${instance.externalName}-${resourceId}-0` };
  await harness.cluster.create({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      name: pod.name,
      namespace,
      labels: identityLabels({ installationId, instanceUid, resourceId }),
    },
    spec: { containers: [{ name: 'db', image: 'postgres:typo' }] },
  });
  const waiting = { reason: 'ImagePullBackOff', message: 'not found' };
  harness.cluster.setStatus(pod, {
    phase: 'Pending',
    containerStatuses: [{ name: 'db', state: { waiting } }],
  });
}
const trouble = 'the image postgres:typo of container db cannot be pulled (ImagePullBackOff): not found.';

describe('an instance that does not come up', () => {
  test('says why in the last operation, and once more when the time is over', async () => {
    const { instance, operation } = await harness.provision({ timeouts: { provision: 2 } });
    await harness.untilDescribed(operation, 'volume is not bound');
    await addTroubledPod(instance);
    await harness.untilDescribed(operation, trouble);
    expect((await harness.store.findOperation(operation.uid))?.state).toBe('in progress');

    const finished = await harness.untilFinished(operation);
    expect(finished).toMatchObject({ state: 'failed', errorCode: 'DeadlineExceeded' });
    expect(finished.description).toMatch(
      /^The operation did not finish within its time limit\. Last state: server/,
    );
    expect(finished.description).toContain(trouble);
    expect((await harness.instance(instance)).state).toBe('provision failed');
  });

  test('does not blame the pods of another resource', async () => {
    const { instance, operation } = await harness.provision({
      resources: [helmResource('good'), helmResource('bad')],
      charts: { good: serverChart, bad: serverChart },
      outputs: {},
      bindable: false,
    });
    await harness.untilDescribed(operation, 'good: waiting for PersistentVolumeClaim');
    await addTroubledPod(instance, 'bad');
    const seen = async () => JSON.stringify(await harness.store.listObserved(instance.uid));
    await expect.poll(seen).toContain('ImagePullBackOff');
    harness.cluster.setStatus(reference(instance, 'PersistentVolumeClaim', 'good'), { phase: 'Bound' });
    await harness.untilDescribed(
      operation,
      /^good: waiting for StatefulSet .*: the controller has not looked/,
    );
  });

  test('ends at once when an object of it failed for good, also while an earlier one still waits', async () => {
    const { instance, operation } = await harness.provision({
      charts: {
        server: (request) => [
          ...serverChart(request),
          { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'init' }, spec: {} },
        ],
      },
    });
    await harness.untilDescribed(operation, 'volume is not bound');
    harness.cluster.setStatus(
      { apiVersion: 'batch/v1', kind: 'Job', namespace: instance.namespace, name: 'init' },
      { conditions: [{ type: 'Failed', status: 'True', message: 'Job has reached the backoff limit' }] },
    );
    expect(await harness.untilFinished(operation, 5_000)).toMatchObject({
      state: 'failed',
      errorCode: 'ResourceFailed',
      description: 'server: Job has reached the backoff limit',
    });
  });

  test('because its server refuses Chandler is tried until the time is over, and says so', async () => {
    harness.provider.before = () => {
      throw new ChandlerError('ServerUnreachable', { sentence: 'The server at db:5432 does not answer.' });
    };
    const { instance, operation } = await harness.provision({ timeouts: { provision: 3 } });
    await harness.untilDescribed(operation, 'volume is not bound');
    harness.cluster.setStatus(reference(instance, 'PersistentVolumeClaim'), { phase: 'Bound' });
    harness.cluster.setStatus(reference(instance, 'StatefulSet'), {
      ...{ observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
    });
    expect(await harness.untilFinished(operation)).toMatchObject({
      errorCode: 'DeadlineExceeded',
      description:
        'The operation did not finish within its time limit. Last state: The server at db:5432 does not answer.',
    });
    expect(harness.eventsOf('operationRetried', operation).length).toBeGreaterThan(1);
  });
});
