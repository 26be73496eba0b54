import { toChandlerError } from '../../domain/errors.ts';
import type { BindingLeftover } from '../../store/sweep-types.ts';
import { LeaseLost } from '../../store/types.ts';
import { inParallel } from './in-parallel.ts';
import { settleSeconds } from './settle-seconds.ts';
import { takeBack } from './take-back.ts';
import type { Sweep, SweepContext } from './types.ts';

/** Instances worked on at the same time. */
const atOnce = 4;

/**
 * Takes back what bindings leave: once more after an unbind, since a late worker may have made the login after it; what
 * a failed bind made half; and login and delivery of a binding whose time is up. That one's row stays `bound`, for the
 * OSB API knows no expired bindings and the platform will unbind it.
 */
export function leftoverSweep(): Sweep {
  return {
    name: 'leftovers of bindings',
    async run(context) {
      const leftovers = await context.deps.store.sweeps.bindingLeftovers(settleSeconds(context.deps));
      const byInstance = [...Map.groupBy(leftovers, ({ instanceUid }) => instanceUid).values()];
      await inParallel(byInstance, atOnce, (ofInstance) => takeBackEach(ofInstance, context));
    },
  };
}

/** A server that does not answer once would only take its time limit again for each further binding. */
async function takeBackEach(leftovers: readonly BindingLeftover[], context: SweepContext): Promise<void> {
  for (const leftover of leftovers) {
    context.guard();
    try {
      await takeBack(leftover, context);
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
      const task = `take back what the ${leftover.why} binding ${leftover.uid} left`;
      context.deps.events.backgroundFaulted({ task, cause: thrown });
      if (thrown instanceof LeaseLost || toChandlerError(thrown).retry) return;
    }
  }
}
