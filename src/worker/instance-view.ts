import type { EngineTarget } from '../credentials/types.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { annotationKeys } from '../lib/labels.ts';
import { adminLogin, instanceScope } from '../provisioners/instance-scope.ts';
import { serviceHost } from '../provisioners/resource-state.ts';
import type { DesiredObject, InstanceTarget } from '../provisioners/types.ts';
import type { InventoryItem } from '../store/types.ts';
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
    observed: observed.map(({ object }) => object as unknown as DesiredObject['object']),
    target: instanceTarget(instance, deps),
  };
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
    reach: await reachOf(host, port, observed, target),
    admin: adminLogin(revision, instanceScope(instance, revision, observed)),
  };
}

async function reachOf(
  host: string,
  port: number,
  observed: InstanceView['observed'],
  target: InstanceTarget,
): Promise<{ host: string; port: number }> {
  for (const { kind, metadata } of observed) {
    const service = { name: metadata.name, namespace: metadata.namespace ?? '' };
    if (kind === 'Service' && serviceHost(service) === host)
      return target.cluster.reach({ ...service, port });
  }
  return { host, port };
}
