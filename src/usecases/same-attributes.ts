/**
 * When a repeated PUT is the same request: service, plan, parameters, organization, space and namespace count. Names
 * and annotations in the context and the originating identity do not, because they change during an instance's life.
 */
import type { ServiceBinding } from '../domain/binding.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { UpdateAttributes, UpdateTarget } from '../domain/operation.ts';
import { canonicalJson, type JsonObject } from '../lib/json.ts';

type InstanceAttributes = Pick<
  ServiceInstance,
  'serviceId' | 'planId' | 'organizationGuid' | 'spaceGuid' | 'context' | 'parameters' | 'contextNamespace'
>;

export function sameInstance(existing: InstanceAttributes, requested: InstanceAttributes): boolean {
  return (
    existing.serviceId === requested.serviceId &&
    existing.planId === requested.planId &&
    sameOrganization(existing, requested) &&
    existing.spaceGuid === requested.spaceGuid &&
    sameNamespace(existing.contextNamespace, requested.contextNamespace) &&
    canonicalJson(existing.parameters) === canonicalJson(requested.parameters)
  );
}

/**
 * Service Catalog sends the id of its cluster as the organization. It may change during an instance's life (OSBAPI
 * profile, "Kubernetes Context Object"), so the space, which is the namespace's uid, tells alone.
 */
function sameOrganization(existing: InstanceAttributes, requested: InstanceAttributes): boolean {
  if (existing.organizationGuid === requested.organizationGuid) return true;
  return (
    existing.context.platform === 'kubernetes' &&
    existing.context.clusterid !== undefined &&
    requested.context.platform === 'kubernetes' &&
    requested.context.clusterid === requested.organizationGuid
  );
}

/** What a bind says of itself; a rotation may leave everything to its predecessor. */
interface BindingAttributes {
  appGuid?: string;
  parameters?: JsonObject;
  predecessorBindingId?: string;
  namespace?: string;
}

/** Service and plan are compared with those of the instance, which an update may have moved meanwhile. */
export function sameBinding(existing: ServiceBinding, requested: BindingAttributes): boolean {
  const rotation = requested.predecessorBindingId !== undefined;
  const { appGuid, parameters } = requested;
  return (
    existing.predecessorBindingId === requested.predecessorBindingId &&
    ((rotation && appGuid === undefined) || existing.appGuid === appGuid) &&
    (parameters === undefined || canonicalJson(existing.parameters) === canonicalJson(parameters)) &&
    // A binding that was not delivered, by the setting of the time, contradicts nothing.
    (existing.delivery === undefined || sameNamespace(existing.delivery.namespace, requested.namespace))
  );
}

/** A repeat that names no namespace contradicts nothing. */
function sameNamespace(existing: string | undefined, requested: string | undefined): boolean {
  return requested === undefined || requested === existing;
}

/**
 * Whether a PATCH is the one that is being worked on; absent is not the same as empty. Here the whole context counts:
 * 202 for a new name that the running update does not bring would lose it.
 */
export function sameUpdate(
  { request: running, context }: Pick<UpdateTarget, 'request' | 'context'>,
  requested: UpdateAttributes & { context?: JsonObject },
): boolean {
  return (
    running.planId === requested.planId &&
    running.maintenanceVersion === requested.maintenanceVersion &&
    canonicalJson(running.parameters ?? null) === canonicalJson(requested.parameters ?? null) &&
    (requested.context === undefined || canonicalJson(context) === canonicalJson(requested.context))
  );
}
