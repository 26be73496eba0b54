/**
 * The worker and the watcher on a real Postgres and a cluster in memory, with use cases to ask them for work. What a
 * plan makes is a table from chart to objects; the server behind it is a provider that writes down what it is asked.
 */

import { expect } from 'vitest';
import { createDelivery } from '../../src/delivery/kubernetes-delivery.ts';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { BindSpec, PlanRevision } from '../../src/domain/offering.ts';
import type { Operation } from '../../src/domain/operation.ts';
import { osbOptionsFor } from '../../src/domain/osb-options.ts';
import type { Helm, RenderRequest } from '../../src/helm/types.ts';
import type { FakeClusterOptions } from '../../src/kube/fake-cluster.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { watchedCluster } from '../../src/start/watched-cluster.ts';
import { enqueueRepair, type RepairRequest } from '../../src/store/enqueue-repair.ts';
import type { InventoryItem, Store } from '../../src/store/types.ts';
import { bind } from '../../src/usecases/bind.ts';
import type { Caller } from '../../src/usecases/caller.ts';
import { deprovision } from '../../src/usecases/deprovision.ts';
import type { UsecaseDeps } from '../../src/usecases/deps.ts';
import { provision } from '../../src/usecases/provision.ts';
import { unbind } from '../../src/usecases/unbind.ts';
import { update } from '../../src/usecases/update.ts';
import type { WorkerDeps } from '../../src/worker/types.ts';
import { startWatcher, type Watcher } from '../../src/worker/watcher.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { fakeReleases } from './fake-releases.ts';
import { HookedCluster } from './hooked-cluster.ts';
import { queryDatabase } from './postgres.ts';
import { type RecordedEvent, recordingEvents } from './recording-events.ts';
import { RecordingProvider } from './recording-provider.ts';
import { serverBind, serverChart, serverPlan } from './server-plan.ts';
import { openTestStore, testRevision } from './store.ts';
import { useUpRepairs } from './use-up-repairs.ts';

const platform = 'test';
const caller: Caller = { platform, namespaces: ['*'], delivers: true, options: osbOptionsFor(platform) };
/** Where apps live; the fake cluster has it from the start. */
export const appNamespace = 'app';

export interface PlanOptions
  extends Partial<Pick<PlanRevision, 'set' | 'resources' | 'outputs' | 'drift' | 'policy'>> {
  /** Seconds of each kind of operation; 600 when absent. */
  timeouts?: Partial<PlanRevision['timeouts']>;
  /** False for a plan without a server to bind to. */
  bindable?: boolean;
  /** In place of the usual way in which plans are bound. */
  bind?: BindSpec;
  /** What each chart renders, by its digest. */
  charts?: Record<string, (request: RenderRequest) => KubeObject[]>;
}

export interface HarnessOptions {
  cluster?: FakeClusterOptions;
  /** Leases of workers and watchers. Long by default, so that a busy machine loses none. */
  leaseSeconds?: number;
}

export type WorkerHarness = Awaited<ReturnType<typeof startWorkerHarness>>;

export async function startWorkerHarness(options: HarnessOptions = {}) {
  const leaseSeconds = options.leaseSeconds ?? 15;
  const opened = await openTestStore();
  const { store } = opened;
  const cluster = new HookedCluster({ name: 'local', autoReadyMs: 1, ...options.cluster });
  cluster.addNamespace(appNamespace);
  const provider = new RecordingProvider();
  const charts = new Map<string, (request: RenderRequest) => KubeObject[]>();
  const revisions = new Map<string, PlanRevision>();
  const recorded: RecordedEvent[] = [];
  const events = recordingEvents(recorded);
  const running = new Set<{ stop(): Promise<void> }>();
  let count = 0;

  const usecases = {
    store,
    catalog: {
      findPlan: (_service: string, planId: string) => listed(revisions.get(planId)),
      findOffering: () => ({}),
    },
    events,
    access: { namespaceExists: () => Promise.resolve(true), fixedVolumes: () => Promise.resolve([]) },
    validateParameters: () => undefined,
    renderDashboardUrl: () => undefined,
    newPassword: generatePassword,
    settings: { clusterName: cluster.name, syncWaitMs: 100, quickWaitMs: 0 },
  } as unknown as UsecaseDeps;

  const helm: Helm = {
    version: () => Promise.resolve('v3'),
    render: async (request) => {
      const chart = charts.get(request.chartPath);
      if (chart === undefined) throw new Error(`there is no chart ${request.chartPath}`);
      return structuredClone(chart(request)) as unknown as JsonObject[];
    },
    ...fakeReleases(cluster),
  };

  /** What a worker of its own is built from. */
  function newDeps(parts: Partial<WorkerDeps> = {}): WorkerDeps {
    count += 1;
    return {
      store,
      clusterOf: () => cluster,
      helm,
      chartPath: (digest) => Promise.resolve(digest),
      providers: { postgresql: provider },
      externals: {},
      delivery: createDelivery(),
      events,
      settings: { owner: `worker-${count}`, concurrency: 4, leaseSeconds },
      ...parts,
    };
  }

  /** Stops by itself at the end, without waiting for ticks that hang. */
  function startTestWorker(parts: Partial<WorkerDeps> = {}): Worker {
    const worker = startWorker(newDeps(parts));
    running.add({ stop: () => worker.stop(0) });
    return worker;
  }

  /** `forgotten`: whoever starts it stops it, or nobody, as a process that died. */
  function startTestWatcher(
    through: Store = store,
    owner?: string,
    { forgotten = false }: { forgotten?: boolean } = {},
  ): Watcher {
    count += 1;
    const watcher = startWatcher(watchedCluster(cluster, store.installationId), through, events, {
      owner: owner ?? `watcher-${count}`,
      leaseSeconds,
    });
    if (!forgotten) running.add(watcher);
    return watcher;
  }

  async function addPlan(plan: PlanOptions): Promise<PlanRevision> {
    count += 1;
    const rendered = plan.charts ?? { server: serverChart };
    const prefixed = (digest: string) => `${digest}-${count}`;
    const resources = plan.resources ?? serverPlan.resources;
    const revision: PlanRevision = {
      ...testRevision,
      ...serverPlan,
      digest: `revision-${count}`,
      planId: `plan-${count}`,
      set: plan.set ?? testRevision.set,
      resources: resources.map((spec) =>
        spec.kind === 'helm' ? { ...spec, chartDigest: prefixed(spec.chartDigest) } : spec,
      ),
      outputs: plan.outputs ?? serverPlan.outputs,
      timeouts: {
        ...{ provision: 600, update: 600, deprovision: 600, bind: 600, unbind: 600 },
        ...plan.timeouts,
      },
    };
    if (plan.drift !== undefined) revision.drift = plan.drift;
    if (plan.policy !== undefined) revision.policy = plan.policy;
    if (plan.bindable !== false) revision.bind = plan.bind ?? serverBind;
    for (const [digest, render] of Object.entries(rendered)) charts.set(prefixed(digest), render);
    revisions.set(revision.planId, revision);
    await store.putRevision(revision, new Map());
    return revision;
  }

  async function instanceOf(instanceId: string): Promise<ServiceInstance> {
    return present(await store.findInstanceOrTombstone({ platform, instanceId }));
  }

  async function operationOf(accepted: { kind: string; operationUid?: string }): Promise<Operation> {
    return present(await store.findOperation(present(accepted.operationUid)));
  }

  /** The requests of a platform, as they reach the broker through this store. */
  function asking(through: Store = store) {
    const deps = { ...usecases, store: through };
    return {
      provision: (revision: PlanRevision, instanceId: string, parameters: JsonObject = {}) =>
        provision(deps, caller, {
          instanceId,
          serviceId: revision.serviceId,
          planId: revision.planId,
          organizationGuid: 'org',
          spaceGuid: 'space',
          context: {},
          parameters,
          acceptsIncomplete: true,
        }),
      update: (
        { instanceId, serviceId }: ServiceInstance,
        { planId }: PlanRevision,
        parameters: JsonObject,
      ) => update(deps, caller, { instanceId, serviceId, planId, parameters, acceptsIncomplete: true }),
      bind: (
        { instanceId, serviceId, planId }: ServiceInstance,
        bindingId: string,
        { namespace, ...rest }: { namespace: string; predecessorBindingId?: string; parameters?: JsonObject },
      ) =>
        bind(deps, caller, {
          ...{ instanceId, serviceId, planId, bindingId },
          context: { namespace },
          parameters: {},
          acceptsIncomplete: true,
          ...rest,
        }),
      unbind: (binding: ServiceBinding) => unbind(deps, caller, { ...binding, acceptsIncomplete: true }),
      deprovision: (instance: ServiceInstance) =>
        deprovision(deps, caller, { ...instance, acceptsIncomplete: true }),
    };
  }

  return {
    store,
    openAnother: opened.openAnother,
    cluster,
    provider,
    events: recorded,
    newDeps,
    startWorker: startTestWorker,
    startWatcher: startTestWatcher,
    asking,
    addPlan,

    /** Asks for an instance of a plan made for it alone. */
    async provision(plan: PlanOptions = {}, parameters: JsonObject = {}) {
      const revision = await addPlan(plan);
      const instanceId = `instance-${count}`;
      const accepted = await asking().provision(revision, instanceId, parameters);
      return { instance: await instanceOf(instanceId), operation: await operationOf(accepted) };
    },

    /** The request that made it, once more. */
    async provisionAgain({ instanceId, planId, parameters }: ServiceInstance) {
      const accepted = await asking().provision(present(revisions.get(planId)), instanceId, parameters);
      return operationOf(accepted);
    },

    /** Asks for a move to a plan made for it alone. */
    async update(instance: ServiceInstance, plan: PlanOptions = {}, parameters: JsonObject = {}) {
      const revision = await addPlan(plan);
      const accepted = await asking().update(instance, revision, parameters);
      return { revision, operation: await operationOf(accepted) };
    },

    async bind(
      instance: ServiceInstance,
      namespace = appNamespace,
      id?: string,
      parameters: JsonObject = {},
    ) {
      count += 1;
      const { instanceId } = instance;
      const bindingId = id ?? `binding-${count}`;
      const accepted = await asking().bind(instance, bindingId, { namespace, parameters });
      const binding = present(await store.findBinding({ platform, instanceId, bindingId }));
      return { binding, operation: await operationOf(accepted) };
    },

    async unbind(binding: ServiceBinding): Promise<Operation> {
      return operationOf(await asking().unbind(binding));
    },

    async deprovision(instance: ServiceInstance): Promise<Operation> {
      return operationOf(await asking().deprovision(instance));
    },

    async repair({ uid }: ServiceInstance, request: Partial<RepairRequest> = {}): Promise<Operation> {
      const outcome = await enqueueRepair(store, { instanceUid: uid, ...request });
      if (outcome.kind === 'refused') throw new Error(outcome.why);
      return outcome.operation;
    },

    /** The operation once it is no longer in progress. */
    async untilFinished(operation: Operation, timeoutMs = 10_000): Promise<Operation> {
      const finished = await store.operationQueue.waitUntilFinished(operation.uid, timeoutMs);
      expect(finished.state, finished.description).not.toBe('in progress');
      return finished;
    },

    async untilDescribed(operation: Operation, text: string | RegExp): Promise<void> {
      const described = async () => (await store.findOperation(operation.uid))?.description;
      await expect.poll(described, { interval: 10, timeout: 5_000 }).toMatch(text);
    },

    async instance({ instanceId }: ServiceInstance): Promise<ServiceInstance> {
      return instanceOf(instanceId);
    },

    async binding({ uid }: ServiceBinding): Promise<ServiceBinding> {
      return present(await store.findBindingByUid(uid));
    },

    /** Every object that carries the instance's label, delivered ones too. */
    objectsOf({ uid }: ServiceInstance): KubeObject[] {
      return cluster.all().filter(({ metadata }) => metadata.labels?.[labelKeys.instance] === uid);
    },

    inventoryOf({ uid }: ServiceInstance): Promise<InventoryItem[]> {
      return store.listInventory(uid);
    },

    eventsOf(name: RecordedEvent['name'], operation?: Operation): RecordedEvent[] {
      return recorded.filter(
        (event) =>
          event.name === name && (operation === undefined || event.fields.operationUid === operation.uid),
      );
    },

    /** As if the time of every lease on operations had passed. */
    async expireLeases(): Promise<void> {
      await queryDatabase(
        opened.url,
        'update operations set lease_until = clock_timestamp() where lease_until is not null',
      );
    },

    useUpRepairs: ({ uid }: ServiceBinding) => useUpRepairs(opened.url, uid),

    query: (sql: string, values: unknown[] = []) => queryDatabase<JsonObject>(opened.url, sql, values),

    /** Ends workers and watchers of one test; Postgres and the cluster stay. */
    async stopAll(): Promise<void> {
      for (const each of running) await each.stop();
      running.clear();
    },

    async close(): Promise<void> {
      for (const each of running) await each.stop();
      await cluster.close();
      await opened.close();
    },
  };
}

function listed(revision: PlanRevision | undefined) {
  return revision === undefined ? undefined : { plan: { maintenance: undefined }, revision };
}

export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there');
  return value;
}
