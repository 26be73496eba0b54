/**
 * The worker and the watcher on a real Postgres and a cluster in memory, with use cases to ask them for work. What a
 * plan makes is a table from chart to objects; the server behind it is a provider that writes down what it is asked.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { expect } from 'vitest';
import type { BindingTarget, CredentialsProvider, EngineTarget } from '../../src/credentials/types.ts';
import { createDelivery } from '../../src/delivery/kubernetes-delivery.ts';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { BindSpec, PlanRevision } from '../../src/domain/offering.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { Helm, RenderRequest } from '../../src/helm/types.ts';
import type { FakeClusterOptions } from '../../src/kube/fake-cluster.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { generatePassword } from '../../src/lib/password.ts';
import { Redacted } from '../../src/lib/redacted.ts';
import { watchedCluster } from '../../src/start/watched-cluster.ts';
import type { InventoryItem, Store } from '../../src/store/types.ts';
import { bind } from '../../src/usecases/bind.ts';
import { deprovision } from '../../src/usecases/deprovision.ts';
import type { UsecaseDeps } from '../../src/usecases/deps.ts';
import { provision } from '../../src/usecases/provision.ts';
import { unbind } from '../../src/usecases/unbind.ts';
import type { WorkerDeps } from '../../src/worker/types.ts';
import { startWatcher, type Watcher } from '../../src/worker/watcher.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { HookedCluster } from './hooked-cluster.ts';
import { queryDatabase } from './postgres.ts';
import { type RecordedEvent, recordingEvents } from './recording-events.ts';
import { openTestStore, testRevision } from './store.ts';

const platform = 'test';
const caller = { platform, namespaces: ['*'] };
/** Where apps live; the fake cluster has it from the start. */
export const appNamespace = 'app';

export interface PlanOptions extends Partial<Pick<PlanRevision, 'resources' | 'outputs'>> {
  /** Seconds of each kind of operation; 600 when absent. */
  timeouts?: Partial<PlanRevision['timeouts']>;
  /** False for a plan without a server to bind to. */
  bindable?: boolean;
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
    catalog: { findPlan: (_service: string, planId: string) => listed(revisions.get(planId)) },
    events,
    access: { namespaceExists: () => Promise.resolve(true) },
    validateParameters: () => undefined,
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
  };

  /** Stops by itself at the end, without waiting for ticks that hang. */
  function startTestWorker(parts: Partial<WorkerDeps> = {}): Worker {
    count += 1;
    const worker = startWorker({
      store,
      clusterOf: () => cluster,
      helm,
      chartPath: (digest) => Promise.resolve(digest),
      providers: { postgresql: provider },
      delivery: createDelivery(),
      events,
      settings: { owner: `worker-${count}`, concurrency: 4, leaseSeconds },
      ...parts,
    });
    running.add({ stop: () => worker.stop(0) });
    return worker;
  }

  /** `forgotten`: is not stopped at the end, as a process that died. */
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
      resources: resources.map((spec) =>
        spec.kind === 'helm' ? { ...spec, chartDigest: prefixed(spec.chartDigest) } : spec,
      ),
      outputs: plan.outputs ?? serverPlan.outputs,
      timeouts: { provision: 600, deprovision: 600, bind: 600, unbind: 600, ...plan.timeouts },
    };
    if (plan.bindable !== false) revision.bind = serverBind;
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

  return {
    store,
    openAnother: opened.openAnother,
    cluster,
    provider,
    events: recorded,
    startWorker: startTestWorker,
    startWatcher: startTestWatcher,

    /** Asks for an instance of a plan made for it alone. */
    async provision(plan: PlanOptions = {}) {
      const revision = await addPlan(plan);
      const instanceId = `instance-${count}`;
      const accepted = await provision(usecases, caller, {
        instanceId,
        serviceId: revision.serviceId,
        planId: revision.planId,
        organizationGuid: 'org',
        spaceGuid: 'space',
        context: {},
        parameters: {},
        acceptsIncomplete: true,
      });
      return { instance: await instanceOf(instanceId), operation: await operationOf(accepted) };
    },

    async bind(instance: ServiceInstance, namespace = appNamespace) {
      count += 1;
      const { instanceId, serviceId, planId } = instance;
      const bindingId = `binding-${count}`;
      const ids = { instanceId, serviceId, planId, bindingId };
      const accepted = await bind(usecases, caller, {
        ...ids,
        context: { namespace },
        parameters: {},
        acceptsIncomplete: true,
      });
      const binding = present(await store.findBinding({ platform, instanceId, bindingId }));
      return { binding, operation: await operationOf(accepted) };
    },

    async unbind(binding: ServiceBinding): Promise<Operation> {
      return operationOf(await unbind(usecases, caller, { ...binding, acceptsIncomplete: true }));
    },

    async deprovision(instance: ServiceInstance): Promise<Operation> {
      return operationOf(await deprovision(usecases, caller, { ...instance, acceptsIncomplete: true }));
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

/** Made like the PostgreSQL plan that is shipped: a secret, and a chart that reads its name. */
const serverPlan: Pick<PlanRevision, 'generate' | 'resources' | 'outputs' | 'sync'> = {
  generate: { admin: { password: { length: 32 } } },
  resources: [
    {
      id: 'admin',
      kind: 'secret',
      data: { username: 'chandler_admin', password: '${generated.admin.password}' },
      readyWhen: [],
    },
    helmResource('server', { existingSecret: '${admin.name}' }),
  ],
  outputs: {
    host: '${server.services.primary.host}',
    port: '${server.services.primary.port}',
  },
  sync: { provision: false, deprovision: false, bind: false, unbind: false },
};

const serverBind: BindSpec = { engine: 'postgresql', admin: 'admin', connectionLimit: -1 };

/** A resource whose chart is found in the table under the resource's own id. */
export function helmResource(
  id: string,
  values: JsonObject = {},
  readyWhen: string[] = [],
): PlanRevision['resources'][number] {
  return { id, kind: 'helm', chartDigest: id, chartName: id, values, readyWhen };
}

/** Volume, Service and workload, named after the release. */
export function serverChart({ releaseName: name, values }: RenderRequest): KubeObject[] {
  const labels = { 'app.kubernetes.io/component': 'primary' };
  const { existingSecret = null } = values;
  return [
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: {} },
    { apiVersion: 'v1', kind: 'Service', metadata: { name, labels }, spec: { ports: [{ port: 5432 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name },
      spec: { replicas: 1, template: { metadata: {}, spec: { existingSecret } } },
    },
  ];
}

/** Writes down what it is asked, and fails where a test wants that. */
export class RecordingProvider implements CredentialsProvider {
  readonly calls: { verb: 'prepare' | 'create' | 'revoke'; target: EngineTarget; bindingName?: string }[] =
    [];
  /** Asked before each call takes effect; what it throws is what the call throws. */
  before: (verb: 'prepare' | 'create' | 'revoke') => void | Promise<void> = () => undefined;
  /** Logins that exist now. */
  readonly logins = new Set<string>();

  async prepare(_spec: unknown, target: EngineTarget): Promise<void> {
    this.calls.push({ verb: 'prepare', target });
    await this.before('prepare');
  }

  async create(
    _spec: unknown,
    target: EngineTarget,
    { bindingName, password }: BindingTarget,
  ): Promise<Redacted<JsonObject>> {
    this.calls.push({ verb: 'create', target, bindingName });
    await this.before('create');
    this.logins.add(bindingName);
    const { host, port } = target.address;
    return new Redacted<JsonObject>({ host, port, username: bindingName, password: password.reveal() });
  }

  async revoke(_spec: unknown, target: EngineTarget, { bindingName }: BindingTarget): Promise<void> {
    this.calls.push({ verb: 'revoke', target, bindingName });
    await this.before('revoke');
    this.logins.delete(bindingName);
  }

  callsOf(verb: 'prepare' | 'create' | 'revoke') {
    return this.calls.filter((call) => call.verb === verb);
  }
}
