// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What cannot become ready fails before its deadline, and says why. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import { KubeError } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { identityLabels } from '../../src/lib/labels.ts';
import { helmResource, serverChart } from '../support/server-plan.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  // Nothing becomes ready by itself; tests write the status.
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 3_600_000 } });
  harness.cluster.addKind({ apiVersion: 'example.com/v1', kind: 'Database' }, { namespaced: true });
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const timeouts = { provision: 600, update: 600, trouble: 2 };

const podOf = ({ externalName, namespace }: ServiceInstance) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', namespace },
  name: `${externalName}-server-0`,
});
const setOf = ({ externalName, namespace }: ServiceInstance) => ({
  ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace },
  name: `${externalName}-server`,
});

/** The pod of the server, with a status that its kubelet writes. */
async function addPod(instance: ServiceInstance, status: JsonObject): Promise<void> {
  const { namespace, ...pod } = podOf(instance);
  const labels = identityLabels({
    installationId: harness.store.installationId,
    instanceUid: instance.uid,
    resourceId: 'server',
  });
  await harness.cluster.create({
    ...{ apiVersion: pod.apiVersion, kind: pod.kind, metadata: { name: pod.name, namespace, labels } },
    spec: { containers: [{ name: 'db', image: 'postgres:typo' }] },
  });
  harness.cluster.setStatus(podOf(instance), status);
}
const notPulled: JsonObject = {
  phase: 'Pending',
  containerStatuses: [
    { name: 'db', state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } },
  ],
};

async function addEvent(
  instance: ServiceInstance,
  { kind, name }: { kind: string; name: string },
  reason: string,
  message: string,
): Promise<void> {
  const { namespace } = instance;
  const found = harness.cluster.all().find((each) => each.kind === kind && each.metadata.name === name);
  await harness.cluster.create({
    ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: `${name}.${reason}`.toLowerCase(), namespace } },
    ...{ involvedObject: { kind, name, uid: found?.metadata.uid }, reason, message, type: 'Warning' },
    lastTimestamp: new Date().toISOString(),
  });
}

async function expectGone(instance: ServiceInstance): Promise<void> {
  // As its controller does once that is gone.
  harness.cluster.vanish(podOf(instance));
  expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
    state: 'succeeded',
  });
  expect(harness.objectsOf(instance)).toEqual([]);
}

const failedLog = (operation: Operation) => harness.eventsOf('operationFailed', operation)[0]?.fields;

describe('a provision that can never become ready', () => {
  test('fails before its deadline, says so while it waits, and is cleaned by a deprovision', async () => {
    const { instance, operation } = await harness.provision({ timeouts });
    await harness.untilDescribed(operation, 'volume is not bound');
    await addPod(instance, notPulled);
    await harness.untilDescribed(operation, 'cannot be pulled (ImagePullBackOff): not found.');

    const failed = await harness.untilFinished(operation);
    const pod = podOf(instance).name;
    expect(failed).toMatchObject({
      state: 'failed',
      errorCode: 'ResourceFailed',
      description: `Pod ${pod}: the image postgres:typo of container db cannot be pulled (ImagePullBackOff): not found. It did not change for 2 s. Ask your platform admin: the image of this plan is wrong, or its registry does not answer.`,
      diagnosis: { cause: 'ImageNotPulled', object: `Pod ${pod}`, subject: 'postgres:typo' },
    });
    expect(failedLog(operation)).toMatchObject({ diagnosis: failed.diagnosis });
    await expectGone(instance);
  });

  test('for the quota that only Events tell of, with the newest warnings for an admin', async () => {
    const { instance, operation } = await harness.provision({ timeouts });
    await harness.untilDescribed(operation, 'volume is not bound');
    const refused =
      'pods "db-0" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0';
    await addEvent(instance, setOf(instance), 'FailedCreate', refused);
    const { description, diagnosis } = await harness.untilFinished(operation);
    expect(description).toMatch(
      /^StatefulSet \S+ gets no pods: the quota small of its namespace is exceeded: .* Choose a smaller plan, or ask/,
    );
    expect(diagnosis?.events).toEqual([expect.stringContaining(`FailedCreate: ${refused}`)]);
    await expectGone(instance);
  });

  test('for an operator that takes no notice of its custom resource', async () => {
    const { instance, operation } = await harness.provision({
      resources: [
        {
          ...{ id: 'server', kind: 'manifest', readyWhen: ["${server.status.phase == 'Ready'}"] },
          objects: [{ apiVersion: 'example.com/v1', kind: 'Database', spec: {} }],
        },
      ],
      policy: { kinds: ['example.com/Database'] },
      ...{ outputs: {}, bindable: false, timeouts },
    });
    expect(await harness.untilFinished(operation)).toMatchObject({
      errorCode: 'OperatorMissing',
      description: expect.stringMatching(
        /^No operator has taken notice of Database \S+-server \(example\.com\/v1\)/,
      ),
    });
    await expectGone(instance);
  });

  test('and an update that cannot tells the same', async () => {
    const { instance, operation } = await harness.provision({ timeouts });
    await harness.untilDescribed(operation, 'volume is not bound');
    const claim = { ...setOf(instance), apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    harness.cluster.setStatus(claim, { phase: 'Bound' });
    harness.cluster.setStatus(setOf(instance), {
      ...{ observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
    });
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');

    const chart: typeof serverChart = (request) => [
      ...serverChart(request),
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'more' }, spec: {} },
    ];
    const { operation: update } = await harness.update(instance, {
      resources: [helmResource('server')],
      charts: { server: chart },
      ...{ outputs: {}, timeouts },
    });
    await harness.untilDescribed(update, 'has not seen the last change');
    await addPod(instance, notPulled);
    const failed = await harness.untilFinished(update);
    expect(failed).toMatchObject({ state: 'failed', diagnosis: { cause: 'ImageNotPulled' } });
    expect(failed.description).toContain('the image postgres:typo of container db cannot be pulled');
  });
});

describe('an update of a Deployment that makes no progress', () => {
  const chartOf =
    (version: string): typeof serverChart =>
    ({ releaseName: name }) => [
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 1, version } },
    ];
  const plan = (version: string) => ({
    ...{ resources: [helmResource('server')], charts: { server: chartOf(version) } },
    ...{ outputs: {}, bindable: false, timeouts },
  });
  const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };

  test('is given up once that lasts, and is taken back though the Deployment still says so', async () => {
    const { instance, operation } = await harness.provision(plan('1'));
    const deployment = { ...setOf(instance), kind: 'Deployment' };
    await harness.untilDescribed(operation, 'has not looked at it yet');
    harness.cluster.setStatus(deployment, { observedGeneration: 1, ...counts });
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');

    const { operation: update } = await harness.update(instance, plan('2'));
    await harness.untilDescribed(update, 'has not seen the last change');
    harness.cluster.setStatus(deployment, { observedGeneration: 2, conditions: [late] });
    await harness.untilDescribed(update, /Restoring the version before: .* has not seen the last change/);
    harness.cluster.setStatus(deployment, { observedGeneration: 3, conditions: [late] });
    await harness.untilDescribed(
      update,
      /Restoring the version before: .*0 of 1 pods are updated\. .*made no progress/,
    );
    harness.cluster.setStatus(deployment, { observedGeneration: 3, ...counts, conditions: [late] });
    expect(await harness.untilFinished(update)).toMatchObject({
      state: 'failed',
      description: expect.stringMatching(
        /^Deployment \S+ made no progress for 600 s .* It did not change for 2 s\. .*back on the version before/,
      ),
      instanceUsable: true,
    });
  });
});

describe('a provision that is in trouble and gets over it', () => {
  test('goes on, and nothing of the trouble is left', async () => {
    const { instance, operation } = await harness.provision({ timeouts: { ...timeouts, trouble: 30 } });
    await harness.untilDescribed(operation, 'volume is not bound');
    await addPod(instance, notPulled);
    await harness.untilDescribed(operation, 'cannot be pulled');
    harness.cluster.setStatus(podOf(instance), {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
    });
    const claim = { ...setOf(instance), apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    harness.cluster.setStatus(claim, { phase: 'Bound' });
    harness.cluster.setStatus(setOf(instance), {
      ...{ observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
    });
    const done = await harness.untilFinished(operation);
    expect(done.state).toBe('succeeded');
    expect(done.diagnosis).toBeUndefined();
  });

  test('is not looked at more closely while it is only slow to start', async () => {
    const before = harness.cluster.requests.length;
    const { operation } = await harness.provision();
    await harness.untilDescribed(operation, 'volume is not bound');
    const lists = harness.cluster.requests
      .slice(before)
      .filter(({ verb, reference }) => verb === 'list' && reference.kind === 'Event');
    expect(lists).toEqual([]);
  });

  test('is looked at no oftener when it may pass any moment, however much happens', async () => {
    const crashed = (restartCount: number, waiting?: JsonObject): JsonObject => ({
      phase: 'Running',
      containerStatuses: [
        {
          ...{ name: 'db', ready: false, restartCount },
          lastState: { terminated: { exitCode: 1, reason: 'Error' } },
          state: waiting === undefined ? { running: {} } : { waiting },
        },
      ],
    });
    const limit = 3;
    const { instance, operation } = await harness.provision({ timeouts: { ...timeouts, trouble: limit } });
    await harness.untilDescribed(operation, 'volume is not bound');
    await addPod(instance, crashed(1));
    await harness.untilDescribed(operation, 'keeps crashing');
    const isLook = ({ verb, reference }: (typeof harness.cluster.requests)[number]) =>
      verb === 'list' && reference.kind === 'Event';
    await new Promise((resolve) => setTimeout(resolve, limit * 1000 + 200));
    const before = harness.cluster.requests.filter(isLook).length;
    const startedAt = performance.now();
    for (let restarts = 2; restarts < 22; restarts += 1) {
      harness.cluster.setStatus(podOf(instance), crashed(restarts));
      await harness.untilDescribed(operation, `${restarts} restarts`);
    }
    const looks = harness.cluster.requests.filter(isLook).length - before;
    // Every half second, with this limit.
    expect(looks).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 500) + 1);
    harness.cluster.setStatus(podOf(instance), crashed(22, { reason: 'CrashLoopBackOff' }));
    expect(await harness.untilFinished(operation)).toMatchObject({ diagnosis: { cause: 'CrashLoop' } });
  });

  test('is judged by what a look shows, and goes on waiting where nobody may look', async () => {
    const forbidden = new KubeError(403, 'Forbidden', 'events is forbidden');
    for (let count = 0; count < 50; count += 1) {
      harness.cluster.failNext(
        ({ verb, reference }) => verb === 'list' && reference.kind === 'Event',
        forbidden,
      );
    }
    const { instance, operation } = await harness.provision({ timeouts: { provision: 5, trouble: 1 } });
    await harness.untilDescribed(operation, 'volume is not bound');
    await addPod(instance, notPulled);
    expect(await harness.untilFinished(operation)).toMatchObject({
      errorCode: 'DeadlineExceeded',
      diagnosis: { cause: 'ImageNotPulled' },
    });
  });
});
