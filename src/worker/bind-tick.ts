import { deliverCredentials, viewBinding } from './binding-view.ts';
import { engineTarget, viewInstance } from './instance-view.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/** Makes a login of the binding's own and delivers it. A bind that came during the provision waits for it here. */
export async function bindTick(context: TickContext): Promise<TickOutcome> {
  const { deps, guard } = context;
  const [binding, view] = await Promise.all([viewBinding(context), viewInstance(context)]);
  const { instance, revision } = view;
  if (instance.state === 'provisioning') {
    return { kind: 'wait', description: 'waiting for the service instance', pollAfterMs: waitPollMs };
  }
  if (revision.bind === undefined || instance.state !== 'ready') {
    return { kind: 'failed', code: 'InstanceNotUsable', sentence: 'The service instance cannot be bound.' };
  }
  const target = await engineTarget(view, instance.outputs);
  guard();
  const credentials = await deps.providers[revision.bind.engine].create(revision.bind, target, {
    bindingName: binding.externalName,
    password: binding.password,
  });
  guard();
  await deliverCredentials(binding, credentials, revision.bind.engine, deps);
  return {
    kind: 'done',
    description: 'The service binding is ready.',
    commit: (transaction) => transaction.setBindingCredentials(binding.uid, credentials),
  };
}
