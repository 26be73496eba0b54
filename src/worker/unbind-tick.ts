import { viewBinding, withdrawDelivery } from './binding-view.ts';
import { engineTarget, viewInstance } from './instance-view.ts';
import type { TickContext, TickOutcome } from './types.ts';

/** First the login dies, then what was delivered goes. An instance that never came up has no login to revoke. */
export async function unbindTick(context: TickContext): Promise<TickOutcome> {
  const { deps, guard } = context;
  const [binding, view] = await Promise.all([viewBinding(context), viewInstance(context)]);
  const { instance, revision } = view;
  if (revision.bind !== undefined && instance.outputs.host !== undefined) {
    const target = await engineTarget(view, instance.outputs);
    guard();
    await deps.providers[revision.bind.engine].revoke(revision.bind, target, {
      bindingName: binding.externalName,
      password: binding.password,
    });
  }
  guard();
  await withdrawDelivery(binding, deps);
  return { kind: 'done', description: 'The service binding is gone.' };
}
