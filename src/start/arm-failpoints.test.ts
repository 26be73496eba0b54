import { expect, it, vi } from 'vitest';
import type { Step } from '../domain/steps.ts';
import { silentEvents } from '../telemetry/events.ts';
import { armFailpoints } from './arm-failpoints.ts';

const step: Step = { verb: 'bind', when: 'after', name: 'create-login' };

it('nothing is armed, and nothing in the way, when nothing is asked for', () => {
  expect(armFailpoints([], silentEvents)).toBeUndefined();
});

it('an armed failpoint warns at the start and strikes once, at its own step', async () => {
  const failpointArmed = vi.fn();
  const hook = armFailpoints([{ step, mode: 'error' }], { ...silentEvents, failpointArmed });
  expect(failpointArmed.mock.calls).toEqual([[{ failpoint: 'bind.after.create-login:error' }]]);
  await hook?.({ ...step, when: 'before' });
  await expect(hook?.(step)).rejects.toThrow('failpoint bind.after.create-login');
  await hook?.(step);
});

it.each([
  ['kill', 'SIGKILL'],
  ['pause', 'SIGSTOP'],
] as const)('%s sends this process %s', async (mode, signal) => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  await armFailpoints([{ step, mode }], silentEvents)?.(step);
  expect(kill.mock.calls).toEqual([[process.pid, signal]]);
  kill.mockRestore();
});
