/** Resources outside of clusters, as ticks see them: items of the inventory that no watch tells of. */
import type { ResourceSpec } from '../domain/offering.ts';
import type { JsonObject } from '../lib/json.ts';
import { digestOf } from '../provisioners/apply-object.ts';
import { type ResourceState, resourceName } from '../provisioners/resource-state.ts';
import { type AppliedObject, type InventoryItem, type NewInventoryItem, noCluster } from '../store/types.ts';
import type { InstanceView, SeenExternal } from './instance-view.ts';
import { provisionerOf } from './parts.ts';
import type { WorkerDeps } from './types.ts';

export type ExternalSpec = Extract<ResourceSpec, { kind: 'external' }>;

/** Looks again after this time where a provisioner does not say when. */
export const externalPollMs = 1_000;

export function isExternal({ cluster }: Pick<InventoryItem, 'cluster'>): boolean {
  return cluster === noCluster;
}

export function externalItem(
  spec: ExternalSpec,
  { instance, target }: Pick<InstanceView, 'instance' | 'target'>,
): NewInventoryItem {
  return {
    instanceUid: instance.uid,
    cluster: noCluster,
    apiVersion: 'chandler.dev/external',
    kind: spec.provisioner,
    namespace: '',
    name: resourceName(target, spec.id),
    resourceId: spec.id,
  };
}

/**
 * Observe, the part of it that asks provisioners: the view with what is seen of the applied resources outside of
 * clusters. Changes nothing.
 * @throws ChandlerError of the provisioner
 */
export async function withExternals(view: InstanceView, deps: WorkerDeps): Promise<InstanceView> {
  const applied = view.inventory.filter((item) => isExternal(item) && item.objectUid !== undefined);
  const externals = await Promise.all(
    applied.map(async (item): Promise<SeenExternal> => {
      const provisioner = provisionerOf(deps, item.kind);
      const state = await provisioner.observe(item.name);
      return { item, state, outputs: state.kind === 'ready' ? await provisioner.outputs(item.name) : {} };
    }),
  );
  return { ...view, externals };
}

/** What the view has of a resource; undefined before it is applied. */
function seenExternal(spec: ExternalSpec, { externals }: InstanceView): SeenExternal | undefined {
  return externals.find(({ item }) => item.resourceId === spec.id && item.kind === spec.provisioner);
}

export function externalState(spec: ExternalSpec, view: InstanceView): ResourceState {
  const state = seenExternal(spec, view)?.state;
  if (state === undefined) return { kind: 'waiting', message: `${spec.id}: not made yet` };
  return state.kind === 'ready' ? state : { ...state, message: `${spec.id}: ${state.message}` };
}

/** One step towards what the inputs say; not skipped when they are the same, for the last one may have failed. */
export async function applyExternal(
  spec: ExternalSpec,
  name: string,
  inputs: JsonObject,
  deps: WorkerDeps,
): Promise<AppliedObject> {
  await provisionerOf(deps, spec.provisioner).apply({ name, inputs });
  return { objectUid: name, appliedDigest: digestOf(inputs) };
}
