import { resourceStates } from './converge.ts';
import { withExternals } from './externals.ts';
import type { InstanceView } from './instance-view.ts';
import { withReads } from './reads.ts';
import type { WorkerDeps } from './types.ts';

/**
 * Observe, the part of it that has to ask: the view with what provisioners tell of resources outside of clusters, and
 * with the objects of operators that the plan reads. Changes nothing.
 * @param applied resources that the operation brought to their new state: before one is ready, nothing is read of what
 * its operator makes. Without it everything that was ever applied counts as ready.
 * @throws ChandlerError of a provisioner, `TemplateFailed`, `ClusterUnreachable`, `ResourceFailed`
 */
export async function lookFurther(
  view: InstanceView,
  deps: WorkerDeps,
  applied?: readonly string[],
): Promise<InstanceView> {
  const seen = await withExternals(view, deps);
  const isThere =
    applied === undefined
      ? (id: string) => seen.inventory.some((item) => item.resourceId === id && item.objectUid !== undefined)
      : (id: string) => resourceStates(seen, applied).get(id)?.kind === 'ready';
  return withReads(seen, isThere);
}
