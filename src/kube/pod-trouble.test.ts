import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { podTrouble } from './pod-trouble.ts';
import type { KubeObject } from './types.ts';

const pod = (status: JsonObject, spec: JsonObject = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x', namespace: 'team' },
  spec,
  status,
});
const container = (state: JsonObject, more: JsonObject = {}) => ({
  containerStatuses: [{ name: 'server', image: 'sha256:1', state, ...more }],
});
const waiting = (reason: string, message?: string) =>
  container({ waiting: { reason, ...(message === undefined ? {} : { message }) } });

const troubles: [string, JsonObject, string | undefined][] = [
  ['nothing known', {}, undefined],
  ['starting', waiting('ContainerCreating'), undefined],
  ['running', container({ running: {} }), undefined],
  [
    'no node',
    {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes: no cpu.' },
      ],
    },
    'Pod x cannot be scheduled: 0/1 nodes: no cpu.',
  ],
  [
    'no image',
    waiting('ImagePullBackOff', 'Back-off pulling image "db:1"'),
    'Pod x: the image db:1 of container server cannot be pulled (ImagePullBackOff): Back-off pulling image "db:1".',
  ],
  [
    'image refused',
    waiting('ErrImagePull'),
    'Pod x: the image db:1 of container server cannot be pulled (ErrImagePull).',
  ],
  [
    'no configuration',
    waiting('CreateContainerConfigError', 'secret "admin" not found'),
    'Pod x: container server cannot be started (CreateContainerConfigError): secret "admin" not found.',
  ],
  [
    'crashing, without what it printed',
    container(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
      {
        restartCount: 4,
        lastState: { terminated: { exitCode: 137, reason: 'OOMKilled', message: 'password=hunter2' } },
      },
    ),
    'Pod x: container server keeps crashing (exit code 137 OOMKilled, 4 restarts).',
  ],
  [
    'crashing in an init container',
    {
      initContainerStatuses: [
        {
          name: 'init',
          restartCount: 1,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 1, reason: 'Error' } },
        },
      ],
    },
    'Pod x: container init keeps crashing (exit code 1, 1 restarts).',
  ],
  ['evicted', { phase: 'Failed', reason: 'Evicted' }, 'Pod x failed: Evicted.'],
  [
    'ended',
    { phase: 'Failed', ...container({ terminated: { exitCode: 2, reason: 'Error' } }) },
    'Pod x failed: container server ended with exit code 2.',
  ],
];

describe('the trouble of a pod', () => {
  test.each(troubles)('%s', (_name, status, trouble) => {
    const spec = { containers: [{ name: 'server', image: 'db:1' }] };
    expect(podTrouble(pod(status, spec))?.sentence).toBe(trouble);
  });

  test('a pod that is being deleted has none', () => {
    const going = pod(waiting('ImagePullBackOff'));
    going.metadata.deletionTimestamp = '2026-11-23T00:00:00Z';
    expect(podTrouble(going)).toBeUndefined();
  });
});
