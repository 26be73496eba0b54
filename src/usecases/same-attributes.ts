/**
 * When a repeated PUT is the same request: service, plan, parameters, organization, space and namespace count. Names
 * and annotations in the context and the originating identity do not, because they change during an instance's life.
 */
import type { ServiceBinding } from '../domain/binding.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import { canonicalJson } from '../lib/json.ts';

type InstanceAttributes = Pick<
  ServiceInstance,
  'serviceId' | 'planId' | 'organizationGuid' | 'spaceGuid' | 'parameters' | 'contextNamespace'
>;

export function sameInstance(existing: InstanceAttributes, requested: InstanceAttributes): boolean {
  return (
    existing.serviceId === requested.serviceId &&
    existing.planId === requested.planId &&
    existing.organizationGuid === requested.organizationGuid &&
    existing.spaceGuid === requested.spaceGuid &&
    sameNamespace(existing.contextNamespace, requested.contextNamespace) &&
    canonicalJson(existing.parameters) === canonicalJson(requested.parameters)
  );
}

type BindingAttributes = Pick<ServiceBinding, 'serviceId' | 'planId' | 'appGuid' | 'parameters' | 'delivery'>;

export function sameBinding(existing: BindingAttributes, requested: BindingAttributes): boolean {
  return (
    existing.serviceId === requested.serviceId &&
    existing.planId === requested.planId &&
    existing.appGuid === requested.appGuid &&
    sameNamespace(existing.delivery?.namespace, requested.delivery?.namespace) &&
    canonicalJson(existing.parameters) === canonicalJson(requested.parameters)
  );
}

/** A repeat that names no namespace contradicts nothing. */
function sameNamespace(existing: string | undefined, requested: string | undefined): boolean {
  return requested === undefined || requested === existing;
}
