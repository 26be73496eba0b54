import type { EngineTarget } from '../credentials/types.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { annotationKeys } from '../lib/labels.ts';
import { adminLogin, instanceScope } from '../provisioners/instance-scope.ts';
import { reachServer } from '../provisioners/reach-server.ts';
import type { DesiredObject, InstanceTarget } from '../provisioners/types.ts';
import type { InventoryItem, ObservedObject } from '../store/types.ts';
import type { TickContext, WorkerDeps } from './types.ts';

/** Everything a tick looks at, read from Postgres alone. */
export interface InstanceView {
  instance: ServiceInstance;
  revision: PlanRevision;
  inventory: InventoryItem[];
  observed: DesiredObject['object'][];
  target: InstanceTarget;
}

/** Observe: reads what is known of the operation's instance. Changes nothing. */
export async function viewInstance({ deps, claim }: TickContext): Promise<InstanceView> {
  const { store } = deps;
  const instance = await store.findInstanceByUid(claim.operation.instanceUid);
  if (instance === undefined)
    throw new ChandlerError('Internal', { cause: new Error('operation without instance') });
  const [revision, inventory, observed] = await Promise.all([
    store.findRevision(instance.planRevision),
    store.listInventory(instance.uid),
    store.listObserved(instance.uid),
  ]);
  if (revision === undefined)
    throw new ChandlerError('Internal', { cause: new Error('instance without revision') });
  return {
    instance,
    revision,
    inventory,
    observed: ownObjects(observed, inventory, instance),
    target: instanceTarget(instance, deps),
  };
}

/**
 * Anybody who may write objects may write our labels on them. So of what is labelled only that counts which lies in
 * the instance's own namespace, or which the inventory knows by its uid. What was applied comes last, so that it wins
 * over an object that a controller made and that goes by the same name in expressions.
 */
function ownObjects(
  observed: readonly ObservedObject[],
  inventory: readonly InventoryItem[],
  { namespace }: ServiceInstance,
): InstanceView['observed'] {
  const known = new Set(inventory.map(({ objectUid }) => objectUid));
  const applied = observed.filter(({ uid }) => known.has(uid));
  const derived = observed.filter((seen) => !known.has(seen.uid) && seen.namespace === namespace);
  return [...derived, ...applied].map(({ object }) => object as unknown as DesiredObject['object']);
}

function instanceTarget(instance: ServiceInstance, deps: WorkerDeps): InstanceTarget {
  return {
    cluster: deps.clusterOf(instance.cluster),
    helm: deps.helm,
    chartPath: deps.chartPath,
    identity: { installationId: deps.store.installationId, instanceUid: instance.uid },
    name: instance.externalName,
    namespace: instance.namespace,
    annotations: {
      [annotationKeys.platform]: instance.platform,
      [annotationKeys.instanceId]: instance.instanceId,
    },
  };
}

/**
 * How credentials providers reach the server of an instance.
 * @param outputs the plan's rendered outputs; an engine needs `host` and `port`
 */
export async function engineTarget(
  view: InstanceView,
  outputs: ServiceInstance['outputs'],
): Promise<EngineTarget> {
  const { host, port } = outputs;
  if (typeof host !== 'string' || typeof port !== 'number') {
    throw new ChandlerError('TemplateFailed', {
      sentence: 'The plan has no outputs `host` and `port` to bind with.',
    });
  }
  const { instance, revision, observed, target } = view;
  return {
    instanceName: instance.externalName,
    address: { host, port },
    reach: await reachServer({ host, port }, observed, target),
    admin: adminLogin(revision, instanceScope(instance, revision, observed)),
  };
}
