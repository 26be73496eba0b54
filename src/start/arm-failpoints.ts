import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../config/config.ts';
import { type StepHook, spellStep } from '../domain/steps.ts';
import type { Events } from '../telemetry/events.ts';

/**
 * What CHANDLER_FAILPOINT asks for, each once.
 * @returns undefined when there is nothing, so that nothing is in the way of a broker that is not under test
 */
export function armFailpoints(failpoints: readonly Failpoint[], events: Events): StepHook | undefined {
  if (failpoints.length === 0) return undefined;
  const armed = new Map(failpoints.map(({ step, mode }) => [spellStep(step), mode]));
  for (const [step, mode] of armed) events.failpointArmed({ failpoint: `${step}:${mode}` });
  return async (step) => {
    const spelled = spellStep(step);
    const mode = armed.get(spelled);
    if (mode === undefined) return;
    armed.delete(spelled);
    if (mode === 'error') throw new Error(`failpoint ${spelled}`);
    process.kill(process.pid, mode === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    // A signal may need a moment to reach every thread; the step must not go on meanwhile.
    await sleep(50);
  };
}
