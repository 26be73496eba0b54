import { complete, converge } from './converge.ts';
import { withExternals } from './externals.ts';
import { viewInstance } from './instance-view.ts';
import type { TickContext, TickOutcome } from './types.ts';

/** Brings an instance one step nearer to ready: observe, decide, act. Safe to run again from any point. */
export async function provisionTick(context: TickContext): Promise<TickOutcome> {
  const view = await withExternals(await viewInstance(context), context.deps);
  return (
    (await converge(view, context)) ??
    complete(view, context, { description: 'The service instance is ready.' })
  );
}
