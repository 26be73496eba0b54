import type { Tools } from '../tools.ts';
import type { Draft, Edit } from '../wire/exchange.ts';

/** A request to each endpoint, about an instance and a binding that do not exist. */
export function everyEndpoint(tools: Tools, edit: Edit): Draft[] {
  const instance = tools.instance();
  const binding = instance.binding();
  return [
    tools.catalog(edit),
    instance.provision(edit),
    instance.fetch(edit),
    instance.poll('provision', undefined, edit),
    // A well-formed one, also for a broker that cannot change the context alone.
    instance.update({}, { ...edit, body: { plan_id: tools.plan.planId, ...edit.body } }),
    instance.deprovision(edit),
    binding.bind(edit),
    binding.fetch(edit),
    binding.poll('bind', undefined, edit),
    binding.unbind(edit),
  ];
}
