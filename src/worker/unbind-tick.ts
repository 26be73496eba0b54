import { revokeLogin, viewBinding, withdrawDelivery } from './binding-view.ts';
import { viewInstance } from './instance-view.ts';
import type { TickContext, TickOutcome } from './types.ts';

/** First the login dies, then what was delivered goes. */
export async function unbindTick(context: TickContext): Promise<TickOutcome> {
  const [binding, view] = await Promise.all([viewBinding(context), viewInstance(context)]);
  await revokeLogin(binding, view, context);
  await withdrawDelivery(binding, context);
  return { kind: 'done', description: 'The service binding is gone.' };
}
