// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Volumes of a StatefulSet grow in an update, with the worker, Postgres, and a cluster in memory. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import { KubeError, type KubeObject } from '../../src/kube/types.ts';
import { helmResource, serverChart, serverPlan } from '../support/server-plan.ts';
import {
  type PlanOptions,
  present,
  startWorkerHarness,
  type WorkerHarness,
} from '../support/worker-harness.ts';

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

const [adminSecret] = serverPlan.resources;

/** The claim comes of a template of the StatefulSet. */
function templatedChart(request: RenderRequest): KubeObject[] {
  const { storage = null } = request.values;
  const template = { metadata: { name: 'data' }, spec: { resources: { requests: { storage } } } };
  return serverChart(request).flatMap((object) => {
    if (object.kind === 'PersistentVolumeClaim') return [];
    if (object.kind !== 'StatefulSet') return [object];
    return [{ ...object, spec: { ...(object.spec as object), volumeClaimTemplates: [template] } }];
  });
}

const plan: PlanOptions = {
  resources: [
    present(adminSecret),
    helmResource('server', { existingSecret: '${admin.name}', storage: '${parameters.storage}' }),
  ],
  charts: { server: templatedChart },
};

const statefulSet = (instance: ServiceInstance) =>
  present(harness.objectsOf(instance).find(({ kind }) => kind === 'StatefulSet'));

/** A server of 1Gi, with the claim that the controller makes; it is bound a moment later. */
async function provisioned() {
  const { instance, operation } = await harness.provision(plan, { storage: '1Gi' });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  const { name, namespace = '' } = statefulSet(instance).metadata;
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: `data-${name}-0` };
  const { name: claimName, apiVersion, kind } = claim;
  const spec = { resources: { requests: { storage: '1Gi' } } };
  await harness.cluster.create({ apiVersion, kind, metadata: { name: claimName, namespace }, spec });
  const capacity = { storage: '1Gi' };
  harness.cluster.setStatus(claim, { phase: 'Bound', capacity });
  return { instance: await harness.instance(instance), claim, uid: statefulSet(instance).metadata.uid };
}

const larger = { template: '2Gi' };
const sizes = (instance: ServiceInstance) => {
  const { volumeClaimTemplates } = statefulSet(instance).spec as {
    volumeClaimTemplates: { spec: { resources: { requests: { storage: string } } } }[];
  };
  return { template: volumeClaimTemplates[0]?.spec.resources.requests.storage };
};

test('the claim is asked to grow, then the StatefulSet is made anew, and the inventory knows the new one', async () => {
  const { instance, claim, uid } = await provisioned();
  const before = harness.cluster.written.length;
  const { operation } = await harness.update(instance, plan, { storage: '2Gi' });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  expect(sizes(instance)).toEqual(larger);
  expect(statefulSet(instance).metadata.uid).not.toBe(uid);
  expect((await harness.cluster.get(claim))?.status).toMatchObject({ capacity: { storage: '2Gi' } });
  const written = harness.cluster.written.slice(before).map(({ verb, kind }) => `${verb} ${kind}`);
  expect(written.filter((text) => !text.endsWith('Namespace'))).toEqual([
    'apply PersistentVolumeClaim',
    'delete StatefulSet',
    'apply StatefulSet',
  ]);
  const items = await harness.inventoryOf(instance);
  expect(items.find(({ kind }) => kind === 'StatefulSet')?.objectUid).toBe(
    statefulSet(instance).metadata.uid,
  );
});

/** The next write that fits is answered by this error. */
function failNextWrite(fits: (write: { verb: string; kind: string }) => boolean, error: KubeError): void {
  const { beforeWrite } = harness.cluster;
  harness.cluster.beforeWrite = async (write) => {
    if (!fits(write)) return beforeWrite(write);
    harness.cluster.beforeWrite = beforeWrite;
    throw error;
  };
}

test('a tick that ends between the two is followed by one that makes it anew', async () => {
  const { instance, uid } = await provisioned();
  const isRemake = ({ verb, kind }: { verb: string; kind: string }) =>
    verb === 'apply' && kind === 'StatefulSet';
  failNextWrite(isRemake, new KubeError(0, 'ConnectionLost', 'The connection broke.'));
  const { operation } = await harness.update(instance, plan, { storage: '2Gi' });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  expect(sizes(instance)).toEqual(larger);
  expect(statefulSet(instance).metadata.uid).not.toBe(uid);
});

test('a claim that may not grow fails the update, and the server stays as it was', async () => {
  const { instance, uid } = await provisioned();
  const message = 'only dynamically provisioned pvc can be resized';
  const isClaim = ({ kind }: { kind: string }) => kind === 'PersistentVolumeClaim';
  failNextWrite(isClaim, new KubeError(403, 'Forbidden', message));
  const { operation } = await harness.update(instance, plan, { storage: '2Gi' });
  const ended = await harness.untilFinished(operation);
  expect(ended).toMatchObject({ state: 'failed', errorCode: 'ApplyRejected', instanceUsable: true });
  expect(ended.description).toContain(`grow: ${message}`);
  expect(sizes(instance)).toEqual({ template: '1Gi' });
  expect(statefulSet(instance).metadata.uid).toBe(uid);
});
