import type { BindingTarget } from '../credentials/types.ts';
import type { ServiceBinding } from '../domain/binding.ts';
import { ChandlerError } from '../domain/errors.ts';
import { annotationKeys, bindingIdLabels, identityLabels } from '../lib/labels.ts';
import { withExternals } from './externals.ts';
import { engineTarget, type InstanceView, wasReady } from './instance-view.ts';
import { providerOf } from './parts.ts';
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

/** Ends a binding's login. An instance that never came up has none to revoke. */
export async function revokeLogin(
  binding: ServiceBinding,
  view: InstanceView,
  { deps, guard }: Pick<TickContext, 'deps' | 'guard'>,
): Promise<void> {
  const { instance, revision } = view;
  if (revision.bind === undefined || !wasReady(view)) return;
  const target = await engineTarget(await withExternals(view, deps), instance.outputs);
  guard();
  await providerOf(deps, revision.bind.engine).revoke(revision.bind, target, bindingTarget(binding));
}

/** A binding as credentials providers know it. */
export function bindingTarget({ externalName, password, expiresAt }: ServiceBinding): BindingTarget {
  return { bindingName: externalName, password, ...(expiresAt === undefined ? {} : { expiresAt }) };
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
