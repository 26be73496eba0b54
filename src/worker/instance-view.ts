import type { EngineTarget } from '../credentials/types.ts';
import { ChandlerError } from '../domain/errors.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { PlanRevision } from '../domain/offering.ts';
import type { UpdateTarget } from '../domain/operation.ts';
import type { JsonObject } from '../lib/json.ts';
import { annotationKeys } from '../lib/labels.ts';
import { Redacted } from '../lib/redacted.ts';
import { adminLogin, instanceScope } from '../provisioners/instance-scope.ts';
import { reachServer } from '../provisioners/reach-server.ts';
import type { ReadObject } from '../provisioners/read-object.ts';
import type { DesiredObject, ExternalState, InstanceTarget } from '../provisioners/types.ts';
import type { InventoryItem, ObservedObject } from '../store/types.ts';
import type { TickContext, WorkerDeps } from './types.ts';

/** Everything a tick looks at. */
export interface InstanceView {
  instance: ServiceInstance;
  revision: PlanRevision;
  inventory: InventoryItem[];
  observed: DesiredObject['object'][];
  /** These two are empty until asked for (lookFurther). */
  externals: SeenExternal[];
  reads: SeenRead[];
  target: InstanceTarget;
}

/** How an item outside of clusters was found. */
export interface SeenExternal {
  item: InventoryItem;
  state: ExternalState;
  /** Empty until it is ready. */
  outputs: JsonObject;
}

/** An object that the plan reads, as it was found. */
export interface SeenRead extends ReadObject {
  /** Of the resource. */
  id: string;
}

/** Observe: what Postgres knows of the operation's instance, and of its objects in clusters. Changes nothing. */
export async function viewInstance({
  deps,
  claim,
}: Pick<TickContext, 'deps' | 'claim'>): Promise<InstanceView> {
  return viewInstanceByUid(claim.operation.instanceUid, deps);
}

/** The same for sweeps, which have no operation. */
export async function viewInstanceByUid(uid: string, deps: WorkerDeps): Promise<InstanceView> {
  return viewOf(await instanceOf(uid, deps), deps);
}

/** The same, with what the update makes of the instance laid over it. */
export async function viewUpdate({
  deps,
  claim: { operation },
}: TickContext): Promise<{ view: InstanceView; update: Redacted<UpdateTarget> }> {
  const [instance, update] = await Promise.all([
    instanceOf(operation.instanceUid, deps),
    deps.store.findUpdateTarget(operation.uid),
  ]);
  if (update === undefined)
    throw new ChandlerError('Internal', { cause: new Error('update without target') });
  const { planId, parameters, context, generated } = update.reveal();
  const { planRevision } = operation;
  const updated = {
    ...instance,
    planId,
    planRevision,
    parameters,
    context,
    generated: new Redacted(generated),
  };
  return { view: await viewOf(updated, deps), update };
}

async function instanceOf(uid: string, { store }: WorkerDeps): Promise<ServiceInstance> {
  const instance = await store.findInstanceByUid(uid);
  if (instance !== undefined) return instance;
  throw new ChandlerError('Internal', { cause: new Error('operation without instance') });
}

async function viewOf(instance: ServiceInstance, deps: WorkerDeps): Promise<InstanceView> {
  const { store } = deps;
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
    externals: [],
    reads: [],
    target: instanceTarget(instance, revision, deps),
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

function instanceTarget(
  instance: ServiceInstance,
  { policy }: PlanRevision,
  deps: WorkerDeps,
): InstanceTarget {
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
    namespaceAnnotations: {
      [annotationKeys.planRevision]: instance.planRevision,
      [annotationKeys.organizationGuid]: instance.organizationGuid,
      [annotationKeys.spaceGuid]: instance.spaceGuid,
      ...(instance.contextNamespace === undefined
        ? {}
        : { [annotationKeys.contextNamespace]: instance.contextNamespace }),
    },
    ...(policy === undefined ? {} : { policy }),
  };
}

/** What the expressions of the plan may read. Holds generated passwords: never log it. */
export function scopeOf({ instance, revision, observed, externals, reads }: InstanceView) {
  const found = new Map([
    ...externals.map((seen) => [seen.item.resourceId, seen.outputs] as const),
    ...reads.map(({ id, outputs }) => [id, outputs] as const),
  ]);
  return instanceScope(instance, revision, observed, found);
}

/** Whether the instance was ready once: only then there can be logins, and only then it can be used. */
export function wasReady({ instance, revision }: Pick<InstanceView, 'instance' | 'revision'>): boolean {
  return Object.keys(revision.outputs).every((key) => key in instance.outputs);
}

/**
 * How credentials providers reach the server of an instance.
 * @param outputs the plan's rendered outputs; an engine with an admin login needs `host` and `port`
 * @throws ChandlerError `TemplateFailed`, `ClusterUnreachable`, `ResourceFailed`
 */
export async function engineTarget(view: InstanceView, outputs: JsonObject): Promise<EngineTarget> {
  const { instance, revision, target } = view;
  const { host, port } = outputs;
  const address = typeof host === 'string' && typeof port === 'number' ? { host, port } : undefined;
  if (revision.bind?.admin !== undefined && address === undefined) {
    throw new ChandlerError('TemplateFailed', {
      sentence: 'The plan has no outputs `host` and `port` to bind with.',
    });
  }
  return {
    instanceName: instance.externalName,
    ...(address === undefined ? {} : { address, reach: await reachServer(address, target) }),
    ...(revision.bind?.admin === undefined ? {} : { admin: adminLogin(revision, scopeOf(view)) }),
  };
}
