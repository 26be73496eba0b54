/** Objects and Events as a cluster of v1.34 wrote them, shortened to what counts. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { findTroubles } from './find-troubles.ts';
import { eventLines } from './object-events.ts';
import type { KubeObject } from './types.ts';

const object = (apiVersion: string, kind: string, name: string, status?: JsonObject): KubeObject => ({
  ...{ apiVersion, kind, metadata: { name, uid: `uid-${name}` } },
  ...(status === undefined ? {} : { status }),
});
const event = (kind: string, name: string, reason: string, message: string, minute = 0): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: `${name}.${reason}.${minute}` } },
  ...{ involvedObject: { kind, name, uid: `uid-${name}` }, reason, message },
  type: reason.startsWith('Success') ? 'Normal' : 'Warning',
  lastTimestamp: `2026-11-30T10:${String(minute).padStart(2, '0')}:00Z`,
});
const pending = (name: string, waiting: JsonObject) =>
  object('v1', 'Pod', name, {
    phase: 'Pending',
    containerStatuses: [{ name: 'db', state: { waiting } }],
  });
const set = object('apps/v1', 'StatefulSet', 'db', { observedGeneration: 1, replicas: 0 });
const claim = object('v1', 'PersistentVolumeClaim', 'data-db-0', { phase: 'Pending' });
const notMounted = (minute: number) => event('Pod', 'db-0', 'FailedMount', 'no such device', minute);
const custom = object('databases.example.com/v1', 'PostgresServer', 'db');
const withCondition = (condition: JsonObject): KubeObject => ({
  ...custom,
  status: { conditions: [condition] },
});
const replicaSet = (name: string, conditions: JsonObject[] = []): KubeObject => ({
  ...object('apps/v1', 'ReplicaSet', name, { conditions }),
  metadata: { name, uid: `uid-${name}`, ownerReferences: [{ uid: 'uid-web', controller: true }] },
});
const refused = { type: 'ReplicaFailure', status: 'True', message: 'pods "web-5d-x" is forbidden: no' };
/** As it stays after a rollback, until something comes of that. */
const timedOut = (status: JsonObject): KubeObject => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', uid: 'web', generation: 2 } },
  status: {
    ...status,
    conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
  },
});

const overQuota =
  'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: small, requested: limits.memory=256Mi, used: limits.memory=0, limited: limits.memory=64Mi';

type Case = [name: string, objects: KubeObject[], events: KubeObject[], sentences: string[]];
const cases: Case[] = [
  [
    'nothing, of what only takes its time',
    [set, claim, pending('db-0', { reason: 'ContainerCreating' })],
    [],
    [],
  ],
  [
    'a quota that has no room for the pods of a StatefulSet',
    [set],
    [event('StatefulSet', 'db', 'FailedCreate', overQuota)],
    [
      'StatefulSet db gets no pods: the quota small of its namespace is exceeded: requested: limits.memory=256Mi, used: limits.memory=0, limited: limits.memory=64Mi.',
    ],
  ],
  [
    'not a quota that has been raised meanwhile',
    [set],
    [
      event('StatefulSet', 'db', 'FailedCreate', overQuota, 1),
      event('StatefulSet', 'db', 'SuccessfulCreate', 'create Pod db-0 in StatefulSet db successful', 2),
    ],
    [],
  ],
  [
    'a quota, though the claim of the pod could be made just before',
    [set],
    [
      event('StatefulSet', 'db', 'SuccessfulCreate', 'create Claim data-db-0 Pod db-0 success', 1),
      event('StatefulSet', 'db', 'FailedCreate', overQuota, 1),
    ],
    [expect.stringContaining('the quota small of its namespace is exceeded')],
  ],
  [
    'not a quota that has been raised within the second',
    [set],
    [
      event('StatefulSet', 'db', 'FailedCreate', overQuota, 1),
      event('StatefulSet', 'db', 'SuccessfulCreate', 'create Pod db-0 in StatefulSet db successful', 1),
    ],
    [],
  ],
  [
    'not a quota that another object of the same name met',
    [{ ...set, metadata: { ...set.metadata, uid: 'made anew' } }],
    [event('StatefulSet', 'db', 'FailedCreate', overQuota, 1)],
    [],
  ],
  [
    'not what a ReplicaSet could not make once, which its condition does not say any more',
    [replicaSet('web-5d')],
    [event('ReplicaSet', 'web-5d', 'FailedCreate', overQuota, 1)],
    [],
  ],
  [
    'what a ReplicaSet cannot make',
    [replicaSet('web-5d', [refused])],
    [],
    ['ReplicaSet web-5d gets no pods: Kubernetes refuses them: no.'],
  ],
  [
    'only by the Deployment, what its ReplicaSet cannot make',
    [
      replicaSet('web-5d', [refused]),
      replicaSet('web-4c', [refused]),
      object('apps/v1', 'Deployment', 'web', { conditions: [refused] }),
    ],
    [],
    ['Deployment web gets no pods: Kubernetes refuses them: no.'],
  ],
  [
    'pods that Pod Security refuses, as a Deployment says it itself',
    [
      object('apps/v1', 'Deployment', 'web', {
        conditions: [
          {
            ...{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' },
            message:
              'pods "web-5d-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
          },
        ],
      }),
    ],
    [],
    [
      'Deployment web gets no pods: Kubernetes refuses them: violates PodSecurity "restricted:latest": runAsNonRoot != true.',
    ],
  ],
  [
    'a Deployment that makes no progress',
    [timedOut({ observedGeneration: 2 })],
    [],
    ['Deployment web made no progress for 600 s (progressDeadlineSeconds).'],
  ],
  [
    'first a pod of it that says why',
    [timedOut({ observedGeneration: 2 }), pending('web-1', { reason: 'ErrImagePull' })],
    [],
    [expect.stringContaining('cannot be pulled'), expect.stringContaining('made no progress')],
  ],
  [
    'nothing, of a Deployment whose last change was not seen yet',
    [timedOut({ observedGeneration: 1 })],
    [],
    [],
  ],
  [
    'nothing, of a Deployment that came up after all',
    [
      timedOut({
        observedGeneration: 2,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
      }),
    ],
    [],
    [],
  ],
  [
    'a claim of a class that there is not, and not the pod that waits for it',
    [
      claim,
      object('v1', 'Pod', 'db-0', {
        conditions: [{ type: 'PodScheduled', status: 'False', message: 'unbound' }],
      }),
    ],
    [
      event(
        'PersistentVolumeClaim',
        'data-db-0',
        'ProvisioningFailed',
        'storageclass.storage.k8s.io "fast" not found',
      ),
    ],
    [
      'PersistentVolumeClaim data-db-0 gets no volume: storageclass.storage.k8s.io "fast" not found.',
      'Pod db-0 cannot be scheduled: unbound.',
    ],
  ],
  [
    'nothing, of a claim that waits for its pod',
    [claim],
    [event('PersistentVolumeClaim', 'data-db-0', 'WaitForFirstConsumer', 'waiting for first consumer')],
    [],
  ],
  [
    'nothing, of a claim that got its volume after all',
    [object('v1', 'PersistentVolumeClaim', 'data-db-0', { phase: 'Bound' })],
    [event('PersistentVolumeClaim', 'data-db-0', 'ProvisioningFailed', 'timeout')],
    [],
  ],
  [
    'a volume that cannot be mounted',
    [pending('db-0', { reason: 'ContainerCreating' })],
    [
      event(
        'Pod',
        'db-0',
        'FailedMount',
        'MountVolume.SetUp failed for volume "tls" : secret "tls" not found',
      ),
    ],
    ['Pod db-0 cannot be started: MountVolume.SetUp failed for volume "tls" : secret "tls" not found.'],
  ],
  ...['Pulling', 'Pulled', 'Created', 'Started', 'SuccessfulAttachVolume'].map(
    (reason): Case => [
      `nothing, of a volume that was not there at first: ${reason} came after it`,
      [pending('db-0', { reason: 'ContainerCreating' })],
      [notMounted(1), event('Pod', 'db-0', reason, 'it went on', 2)],
      [],
    ],
  ),
  [
    'nothing, of a volume that was mounted within the second',
    [pending('db-0', { reason: 'ContainerCreating' })],
    [notMounted(1), event('Pod', 'db-0', 'Pulling', 'pulling image "db"', 1)],
    [],
  ],
  [
    'a volume that was attached and cannot be mounted, within the second',
    [pending('db-0', { reason: 'ContainerCreating' })],
    [event('Pod', 'db-0', 'SuccessfulAttachVolume', 'attached', 1), notMounted(1)],
    ['Pod db-0 cannot be started: no such device.'],
  ],
  [
    'a volume that cannot be mounted any more',
    [pending('db-0', { reason: 'ContainerCreating' })],
    [event('Pod', 'db-0', 'Started', 'Started container db', 1), notMounted(2)],
    ['Pod db-0 cannot be started: no such device.'],
  ],
  [
    'nothing, of a claim whose volume was made at last',
    [claim],
    [
      event('PersistentVolumeClaim', 'data-db-0', 'ProvisioningFailed', 'timeout', 1),
      event('PersistentVolumeClaim', 'data-db-0', 'ProvisioningSucceeded', 'made pv-1', 1),
    ],
    [],
  ],
  [
    'a condition of a custom resource that states a failure',
    [
      {
        ...custom,
        status: {
          conditions: [
            { type: 'Ready', status: 'False', reason: 'ReconcileError', message: 'bucket name is taken' },
          ],
        },
      },
    ],
    [],
    ['PostgresServer db is not made by its operator (Ready: ReconcileError): bucket name is taken.'],
  ],
  ...[
    'Degraded',
    'Stalled',
    'Failed',
    'UpdateFailure',
    'DiskPressure',
    'ReconcileError',
    'ACK.Terminal',
  ].flatMap((type): Case[] => [
    [
      `a condition that is bad, being true: ${type}`,
      [withCondition({ type, status: 'True', reason: 'DiskFull' })],
      [],
      [`PostgresServer db is not made by its operator (${type}: DiskFull).`],
    ],
    ...['False', 'Unknown'].map(
      (status): Case => [
        `nothing, of one that would be bad, being true: ${type} is ${status}`,
        [withCondition({ type, status, reason: 'NoErrors' })],
        [],
        [],
      ],
    ),
  ]),
  [
    'nothing, of a condition of which nobody knows',
    [withCondition({ type: 'Ready', status: 'Unknown', reason: 'ReconcileError' })],
    [],
    [],
  ],
  [
    'nothing, of a condition that is only not true yet',
    [{ ...custom, status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Creating' }] } }],
    [],
    [],
  ],
  [
    'an operator that says nothing at all',
    [custom],
    [],
    [
      'No operator has taken notice of PostgresServer db (databases.example.com/v1): the one that makes this kind does not run, or does not look at this namespace.',
    ],
  ],
  [
    'no silence, once the operator put its finalizer on',
    [{ ...custom, metadata: { ...custom.metadata, finalizers: ['kro.run/finalizer'] } }],
    [],
    [],
  ],
  [
    'no silence, once there is a pod of it',
    [custom, pending('db-0', { reason: 'ContainerCreating' })],
    [],
    [],
  ],
  [
    'nothing, of what is being deleted',
    [{ ...custom, metadata: { ...custom.metadata, deletionTimestamp: '2026-11-30T10:00:00Z' } }],
    [],
    [],
  ],
];

describe('the troubles of an instance', () => {
  test.each(cases)('%s', (_name, objects, events, sentences) => {
    expect(findTroubles(objects, events).map(({ sentence }) => sentence)).toEqual(sentences);
  });

  test('a container that crashed and runs again is in the same trouble, and being tried again', () => {
    const crashed = (state: JsonObject) =>
      findTroubles([
        object('v1', 'Pod', 'db-0', {
          phase: 'Running',
          containerStatuses: [
            {
              ...{ name: 'db', ready: false, restartCount: 2, state },
              lastState: { terminated: { exitCode: 1, reason: 'Error' } },
            },
          ],
        }),
      ]);
    const [waiting] = crashed({ waiting: { reason: 'CrashLoopBackOff' } });
    const [running] = crashed({ running: { startedAt: '2026-11-30T10:00:00Z' } });
    expect(waiting?.retrying).toBeUndefined();
    expect(running).toEqual({ ...waiting, retrying: true });
  });

  test('a claim without a volume is in the same trouble while its volume is tried once more', () => {
    const at = (...events: [reason: string, minute: number][]) =>
      findTroubles(
        [claim],
        events.map(([reason, minute]) =>
          event('PersistentVolumeClaim', 'data-db-0', reason, 'timeout', minute),
        ),
      )[0];
    const failed = at(['Provisioning', 1], ['ProvisioningFailed', 1]);
    expect(failed?.retrying).toBeUndefined();
    expect(at(['ProvisioningFailed', 1], ['Provisioning', 2])).toEqual({ ...failed, retrying: true });
  });

  test('pods of the same template have the same trouble, those of another one another', () => {
    const of = (name: string, owner: string): KubeObject => {
      const crashing = pending(name, { reason: 'CrashLoopBackOff' });
      return { ...crashing, metadata: { ...crashing.metadata, ownerReferences: [{ name: owner }] } };
    };
    const subjects = ['web-1-a', 'web-1-b', 'web-2-c'].map(
      (name) => findTroubles([of(name, name.slice(0, 5))])[0]?.subject,
    );
    expect(subjects).toEqual(['web-1', 'web-1', 'web-2']);
  });

  const quoting = ['Unhealthy', 'FailedPostStartHook', 'FailedPreStopHook', 'ProbeWarning', 'ProbeError'];
  test.each(quoting)('what a container printed into an Event is told to nobody: %s', (reason) => {
    const events = [event('Pod', 'db-0', reason, 'probe failed: password=hunter2')];
    expect(eventLines(events, 1)).toEqual([`Pod db-0: ${reason}.`]);
    const pods = [pending('db-0', { reason: 'ContainerCreating' })];
    expect(JSON.stringify(findTroubles(pods, events))).not.toContain('hunter2');
  });

  test('an admin reads the newest warnings, one line each, long ones cut', () => {
    const events = [
      event('StatefulSet', 'db', 'SuccessfulCreate', 'made', 9),
      event('Pod', 'db-0', 'FailedMount', 'a\n  b', 1),
      event('Pod', 'db-0', 'BackOff', 'x'.repeat(1000), 2),
    ];
    const lines = eventLines(events, 2);
    expect(lines[1]).toBe('Pod db-0: FailedMount: a b.');
    expect(lines[0]).toMatch(/^Pod db-0: BackOff: x{400}…\.$/);
  });
});
