import { withExternals } from './externals.ts';
import type { InstanceView } from './instance-view.ts';
import { withReads } from './reads.ts';
import type { WorkerDeps } from './types.ts';

/**
 * Observe, the part of it that has to ask: the view with what provisioners tell of resources outside of clusters, and
 * with the objects of operators that the plan reads. Changes nothing.
 * @throws ChandlerError of a provisioner, `TemplateFailed`, `ClusterUnreachable`, `ResourceFailed`
 */
export async function lookFurther(view: InstanceView, deps: WorkerDeps): Promise<InstanceView> {
  return withReads(await withExternals(view, deps));
}
