import type { DeliveryDifference } from '../delivery/types.ts';
import { deliverCredentials, deliveryDifferences, viewBinding } from './binding-view.ts';
import { complete, converge } from './converge.ts';
import { viewInstance } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import type { TickContext, TickOutcome } from './types.ts';

/**
 * Brings the objects of an instance back to what its row and its plan revision say: as a provision does, but what the
 * inventory believes counts for nothing. It deletes nothing, and leaves what is outside of clusters alone.
 */
export async function repairTick(context: TickContext): Promise<TickOutcome> {
  if (context.claim.operation.bindingUid !== undefined) return repairDelivery(context);
  const { withEmptyVolumes = false, appliedResources } = context.claim.operation;
  const view = await lookFurther(await viewInstance(context), context.deps, appliedResources);
  return (
    (await converge(view, { ...context, repair: { withEmptyVolumes } })) ??
    complete(view, context, { description: 'The service instance is as its plan says.' })
  );
}

/** Puts back what was delivered for a binding, from what is sealed in its row. The login is left as it is. */
async function repairDelivery(context: TickContext): Promise<TickOutcome> {
  const { deps, guard } = context;
  const [binding, { instance, revision }] = await Promise.all([viewBinding(context), viewInstance(context)]);
  const { credentials, delivery } = binding;
  if (revision.bind === undefined || credentials === undefined || delivery === undefined) {
    return { kind: 'done', description: 'There is nothing that was delivered for the service binding.' };
  }
  const { engine } = revision.bind;
  const differences = await deliveryDifferences(binding, engine, context);
  guard();
  const delivered = await deliverCredentials(binding, credentials, engine, context);
  const place = { cluster: delivery.cluster, namespace: delivery.namespace, name: binding.externalName };
  for (const { kind, uid, keys } of differences) {
    deps.events.deliveryRestored({
      ...{ instanceUid: instance.uid, bindingUid: binding.uid, ...place, kind },
      ...{ was: uid === undefined ? 'deleted' : 'changed', keys },
    });
  }
  return {
    kind: 'done',
    description: restoredSentence(differences),
    commit: (transaction) => transaction.setDelivered(binding.uid, delivered),
  };
}

function restoredSentence(differences: readonly DeliveryDifference[]): string {
  const what = differences.map(({ kind, uid, keys }) =>
    uid === undefined ? `the ${kind} was deleted` : `the ${kind} was changed at ${keys.join(', ')}`,
  );
  return what.length === 0
    ? 'What was delivered for the service binding is as it should be.'
    : `What was delivered for the service binding is put back: ${what.join('; ')}.`;
}
