import type { BindingTarget } from '../credentials/types.ts';
import type { DeliveryDifference } from '../delivery/types.ts';
import { readOnlyParameter } from '../domain/bind-engines.ts';
import type { DeliveredObject, ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import { annotationKeys, bindingIdLabels, identityLabels } from '../lib/labels.ts';
import { guardedCluster } from './guarded-cluster.ts';
import { engineTarget, type InstanceView, wasReady } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { providerOf } from './parts.ts';
import type { TickContext } from './types.ts';

/** What taking part in an operation, or in a sweep that holds one off, gives. */
type Guarded = Pick<TickContext, 'deps' | 'guard'>;

export async function viewBinding({ deps, claim }: TickContext): Promise<ServiceBinding> {
  const binding =
    claim.operation.bindingUid === undefined
      ? undefined
      : await deps.store.findBindingByUid(claim.operation.bindingUid);
  if (binding === undefined)
    throw new ChandlerError('Internal', { cause: new Error('operation without binding') });
  return binding;
}

/** Ends a binding's login. An instance that never came up has none to revoke. */
export async function revokeLogin(
  binding: ServiceBinding,
  view: InstanceView,
  { deps, guard }: Guarded,
): Promise<void> {
  const { instance, revision } = view;
  if (revision.bind === undefined || !wasReady(view)) return;
  const target = await engineTarget(await lookFurther(view, deps), instance.outputs);
  guard();
  await providerOf(deps, revision.bind.engine).revoke(revision.bind, target, bindingTarget(binding));
}

/** A binding as credentials providers know it. */
export function bindingTarget({
  externalName,
  password,
  expiresAt,
  parameters,
}: ServiceBinding): BindingTarget {
  return {
    bindingName: externalName,
    password,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(parameters[readOnlyParameter] === true ? { readOnly: true } : {}),
  };
}

/**
 * Before a login is made: an older row of the same name may have been lost, and its login be in use with the password
 * that stands at the place of delivery.
 * @throws ChandlerError `AdoptionRefused`, `ClusterUnreachable`
 */
export async function assertDeliverable(binding: ServiceBinding, context: Guarded): Promise<void> {
  const target = deliveryTarget(binding, context);
  if (target !== undefined) await context.deps.delivery.assertClaimable(target);
}

/** Delivers the credentials into the app's namespace, when the binding has one; gives what is there now. */
export async function deliverCredentials(
  binding: ServiceBinding,
  credentials: NonNullable<ServiceBinding['credentials']>,
  type: string,
  context: Guarded,
): Promise<DeliveredObject[]> {
  const target = fullDeliveryTarget(binding, type, context);
  return target === undefined ? [] : context.deps.delivery.deliver(target, credentials);
}

/** What of the delivery of a binding in use others changed or deleted. */
export async function deliveryDifferences(
  binding: ServiceBinding,
  type: string,
  context: Guarded,
): Promise<DeliveryDifference[]> {
  const target = fullDeliveryTarget(binding, type, context);
  const { credentials } = binding;
  return target === undefined || credentials === undefined
    ? []
    : context.deps.delivery.differences(target, credentials);
}

/** Takes back what was delivered; absent is success. */
export async function withdrawDelivery(binding: ServiceBinding, context: Guarded): Promise<void> {
  const target = deliveryTarget(binding, context);
  if (target !== undefined) await context.deps.delivery.withdraw(target);
}

function fullDeliveryTarget(binding: ServiceBinding, type: string, context: Guarded) {
  const target = deliveryTarget(binding, context);
  const annotations = {
    [annotationKeys.platform]: binding.platform,
    [annotationKeys.instanceId]: binding.instanceId,
    [annotationKeys.bindingId]: binding.bindingId,
  };
  return target === undefined ? undefined : { ...target, annotations, type };
}

function deliveryTarget(binding: ServiceBinding, { deps, guard }: Guarded) {
  if (binding.delivery === undefined) return undefined;
  return {
    cluster: guardedCluster(deps.clusterOf(binding.delivery.cluster), guard),
    namespace: binding.delivery.namespace,
    name: binding.externalName,
    labels: {
      ...identityLabels({
        installationId: deps.store.installationId,
        instanceUid: binding.instanceUid,
        bindingUid: binding.uid,
      }),
      ...bindingIdLabels(binding.bindingId),
    },
  };
}
