import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { growVolumes, type PlannedApply } from './grow-volumes.ts';
import type { InstanceTarget } from './types.ts';

const namespace = 'i-1';
const claimReference = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'data-db-0' };
const setReference = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: 'db' };

let cluster: FakeCluster;
let target: InstanceTarget;
beforeEach(() => {
  cluster = new FakeCluster({ name: 'local' });
  cluster.addNamespace(namespace);
  target = {
    cluster,
    namespace,
    identity: { installationId: 'i', instanceUid: 'u' },
  } as unknown as InstanceTarget;
});
afterEach(() => cluster.close());

function statefulSet(storage: string): KubeObject {
  const template = { metadata: { name: 'data' }, spec: { resources: { requests: { storage } } } };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace },
    spec: { replicas: 1, volumeClaimTemplates: [template] },
  };
}

/** A StatefulSet of 1Gi as it stands, with the claim and the pod that its controller made. */
async function standing(): Promise<string> {
  const { object } = await cluster.apply(statefulSet('1Gi'));
  const { uid = '' } = object.metadata;
  const { namespace: _namespace, ...claim } = claimReference;
  await cluster.create({
    ...{ apiVersion: claim.apiVersion, kind: claim.kind, metadata: { name: claim.name, namespace } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid }];
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'db-0', namespace, ownerReferences },
  });
  setClaim({ capacity: { storage: '1Gi' } });
  return uid;
}

/** What a driver and the kubelet say of the claim. */
function setClaim(status: JsonObject): void {
  cluster.setStatus(claimReference, { phase: 'Bound', ...status });
}

const planned = (storage: string, knownUid?: string): PlannedApply => ({
  desired: { resourceId: 'server', object: statefulSet(storage) },
  ...(knownUid === undefined ? {} : { knownUid }),
});
const step = (plan: PlannedApply) => growVolumes(plan, target, { grows: true });
const claim = () => cluster.get(claimReference);

describe('a StatefulSet whose templates ask for more', () => {
  it('waits through all that a driver and the kubelet say of its claims, and is then made anew', async () => {
    const uid = await standing();
    const plan = planned('2Gi', uid);
    expect(await step(plan)).toMatchObject({
      waitsFor: expect.stringContaining('has grown to 2Gi') as string,
    });
    expect((await claim())?.spec).toMatchObject({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '2Gi' } },
    });

    // The sequence of external-resizer and the kubelet (KEP-284, KEP-1790).
    const condition = (type: string, message = '') => ({ conditions: [{ type, status: 'True', message }] });
    const small = { capacity: { storage: '1Gi' } };
    const pending = 'Waiting for user to (re-)start a pod to finish file system resize of volume on node.';
    for (const [status, said] of [
      [small, 'has grown from 1Gi to 2Gi'],
      [
        {
          ...small,
          ...condition('Resizing'),
          allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' },
        },
        '2Gi: Resizing',
      ],
      [{ ...small, ...condition('FileSystemResizePending', pending) }, pending],
      [
        { ...small, allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } },
        'has grown from 1Gi to 2Gi',
      ],
    ] as const) {
      setClaim(status);
      expect(await step(plan)).toEqual({ waitsFor: expect.stringContaining(said) as string });
      expect((await cluster.get(setReference))?.metadata.uid).toBe(uid);
    }

    setClaim({ capacity: { storage: '2Gi' } });
    expect(await step(plan)).toEqual({
      waitsFor: 'until StatefulSet db makes way for one with larger volumes',
    });
    expect(await cluster.get(setReference)).toBeUndefined();
    const pod = await cluster.get({ apiVersion: 'v1', kind: 'Pod', namespace, name: 'db-0' });
    expect(pod?.metadata.ownerReferences).toBeUndefined();
    // Without the uid of the one that is gone.
    expect(await step(plan)).toEqual({ desired: plan.desired });
  });

  it('fails with what the driver says when no repetition helps', async () => {
    const plan = planned('2Gi', await standing());
    await step(plan);
    setClaim({
      capacity: { storage: '1Gi' },
      allocatedResourceStatuses: { storage: 'ControllerResizeInfeasible' },
      conditions: [{ type: 'ControllerResizeError', status: 'True', message: 'the pool is full' }],
    });
    await expect(step(plan)).rejects.toMatchObject({
      code: 'ResourceFailed',
      message: 'The volume of PersistentVolumeClaim data-db-0 cannot grow to 2Gi: the pool is full',
    });
  });

  it('fails with the words of the API server when it lets no claim grow', async () => {
    const plan = planned('2Gi', await standing());
    const forbidden = new KubeError(403, 'Forbidden', 'the storageclass must support resize');
    cluster.failNext(({ verb }) => verb === 'apply', forbidden);
    await expect(step(plan)).rejects.toMatchObject({
      code: 'ApplyRejected',
      message: expect.stringContaining('data-db-0 grow: the storageclass must support resize') as string,
    });
  });

  it('goes on after a worker that made it anew and did not record that', async () => {
    const uid = await standing();
    const plan = planned('2Gi', uid);
    cluster.vanish(setReference);
    await cluster.apply(statefulSet('2Gi'));
    expect(await step(plan)).toEqual({ desired: plan.desired });
  });

  it('is not made anew, with empty volumes, when its claims are gone too', async () => {
    const uid = await standing();
    cluster.vanish(setReference);
    cluster.vanish(claimReference);
    await expect(step(planned('2Gi', uid))).rejects.toMatchObject({ code: 'ResourceFailed' });
  });

  it('passes a claim that no volume was found for yet: it cannot be changed', async () => {
    const plan = planned('2Gi', await standing());
    cluster.setStatus(claimReference, { phase: 'Pending' });
    expect(await step(plan)).toEqual({
      waitsFor: 'until StatefulSet db makes way for one with larger volumes',
    });
    expect((await claim())?.spec).toMatchObject({ resources: { requests: { storage: '1Gi' } } });
  });
});

describe('templates', () => {
  it.each(['1Gi', '1024Mi', '512Mi'])(
    'of %s ask for no less than those that stand, and nothing is made anew',
    async (size) => {
      const uid = await standing();
      const result = await growVolumes(planned(size, uid), target, { grows: false });
      const object = statefulSet(size === '512Mi' ? '1Gi' : size);
      expect(result).toEqual({ desired: { resourceId: 'server', object }, knownUid: uid });
    },
  );

  it('of a StatefulSet that is made for the first time are nobody’s to look at', async () => {
    const plan = planned('2Gi');
    expect(await step(plan)).toBe(plan);
    expect(cluster.requests).toEqual([]);
  });
});

describe('a claim of the plan’s own', () => {
  const own = (storage: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data-db-0', namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  });

  it('grows before it counts as applied, and is not waited for on the way back', async () => {
    const { object } = await cluster.apply(own('1Gi'));
    setClaim({ capacity: { storage: '1Gi' } });
    const plan = {
      desired: { resourceId: 'server', object: own('2Gi') },
      knownUid: object.metadata.uid ?? '',
    };
    expect(await growVolumes(plan, target, { grows: false })).toBe(plan);
    expect(await step(plan)).toMatchObject({
      waitsFor: expect.stringContaining('has grown to 2Gi') as string,
    });
    expect((await claim())?.spec).toMatchObject({ resources: { requests: { storage: '2Gi' } } });
    expect(await step(plan)).toMatchObject({
      waitsFor: expect.stringContaining('from 1Gi to 2Gi') as string,
    });
    setClaim({ capacity: { storage: '2147483648' } });
    expect(await step(plan)).toBe(plan);
  });
});
