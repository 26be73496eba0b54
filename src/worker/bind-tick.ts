import { osbDefaults } from '../domain/osb-options.ts';
import { conditionOfInstance, reactionToInstance } from '../domain/state-matrix.ts';
import { Redacted } from '../lib/redacted.ts';
import { renderAttachments } from '../provisioners/binding-attachments.ts';
import { assertDeliverable, bindingTarget, deliverCredentials, viewBinding } from './binding-view.ts';
import { engineTarget, scopeOf, viewInstance } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { providerOf } from './parts.ts';
import { type TickContext, type TickOutcome, waitPollMs } from './types.ts';

/** Makes a login of the binding's own and delivers it. A bind that came during a provision or update waits for it here. */
export async function bindTick(context: TickContext): Promise<TickOutcome> {
  const { deps, guard } = context;
  const [binding, known] = await Promise.all([viewBinding(context), viewInstance(context)]);
  const { instance, revision } = known;
  // Whether the platform may wait was asked when the bind was promised.
  const { does } = reactionToInstance(conditionOfInstance(instance), 'bind', osbDefaults);
  if (does === 'wait') {
    return { kind: 'wait', description: 'waiting for the service instance', pollAfterMs: waitPollMs };
  }
  if (revision.bind === undefined || does !== 'begin') {
    return { kind: 'failed', code: 'InstanceNotUsable', sentence: 'The service instance cannot be bound.' };
  }
  const view = await lookFurther(known, deps);
  const { engine, attachments: spec } = revision.bind;
  const attachments = renderAttachments(spec, scopeOf(view), instance.outputs);
  const target = await engineTarget(view, instance.outputs);
  await assertDeliverable(binding, context);
  guard();
  const credentials = await providerOf(deps, engine).create(revision.bind, target, bindingTarget(binding));
  const delivered = await deliverCredentials(binding, credentials, engine, context);
  return {
    kind: 'done',
    description: 'The service binding is ready.',
    async commit(transaction) {
      await transaction.setBindingCredentials(
        binding.uid,
        credentials,
        attachments === undefined ? undefined : new Redacted(attachments),
      );
      await transaction.setDelivered(binding.uid, delivered);
    },
  };
}
