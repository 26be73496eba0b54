import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import { annotationKeys, bindingIdLabels, identityLabels } from '../lib/labels.ts';
import type { TickContext, WorkerDeps } from './types.ts';

export async function viewBinding({ deps, claim }: TickContext): Promise<ServiceBinding> {
  const binding =
    claim.operation.bindingUid === undefined
      ? undefined
      : await deps.store.findBindingByUid(claim.operation.bindingUid);
  if (binding === undefined)
    throw new ChandlerError('Internal', { cause: new Error('operation without binding') });
  return binding;
}

/** Delivers the credentials into the app's namespace, when the binding has one. */
export async function deliverCredentials(
  binding: ServiceBinding,
  credentials: NonNullable<ServiceBinding['credentials']>,
  type: string,
  deps: WorkerDeps,
): Promise<void> {
  const target = deliveryTarget(binding, deps);
  if (target === undefined) return;
  const annotations = {
    [annotationKeys.platform]: binding.platform,
    [annotationKeys.instanceId]: binding.instanceId,
    [annotationKeys.bindingId]: binding.bindingId,
  };
  await deps.delivery.deliver({ ...target, annotations, type }, credentials);
}

/** Takes back what was delivered; absent is success. */
export async function withdrawDelivery(binding: ServiceBinding, deps: WorkerDeps): Promise<void> {
  const target = deliveryTarget(binding, deps);
  if (target !== undefined) await deps.delivery.withdraw(target);
}

function deliveryTarget(binding: ServiceBinding, deps: WorkerDeps) {
  if (binding.delivery === undefined) return undefined;
  return {
    cluster: deps.clusterOf(binding.delivery.cluster),
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
