/** One service instance or binding for each cell of the step matrix: how its operation is asked for, and what must be in the end. */
import { expect } from 'vitest';
import type { ServiceBinding } from '../../../src/domain/binding.ts';
import type { ServiceInstance } from '../../../src/domain/instance.ts';
import type { Operation, OperationType } from '../../../src/domain/operation.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { Store } from '../../../src/store/types.ts';
import { helmResource, serverChart, serverPlan } from '../../support/server-plan.ts';
import { appNamespace, type PlanOptions, present, type WorkerHarness } from '../../support/worker-harness.ts';

export type Verb = Exclude<OperationType, 'repair'> | 'rotate';

export interface Scene {
  /** The request, through this store; may be sent again, as platforms do. */
  ask(store: Store): Promise<unknown>;
  /** The operation that the request began. */
  operation(): Promise<Operation>;
  /** Everything that exists outside Postgres for it. */
  outside(): KubeObject[];
  /**
   * Throws unless everything is as the operation should leave it.
   * @param refused the server refused to revoke a login before it went itself, and the login with it
   */
  expectDone(refused?: boolean): Promise<void>;
  /** Asks for the opposite, when there is one. */
  undo?(): Promise<Operation>;
  /** Everything outside Postgres that should not be there once it is undone, by kind; logins are kind `login`. */
  left?(): string[];
}

const nameOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;
const cache = helmResource('cache');
const cacheChart = (): KubeObject[] => [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cache' }, data: {} },
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'cache' }, spec: { replicas: 1 } },
];
const charts: NonNullable<PlanOptions['charts']> = {
  server: (request) =>
    serverChart(request).map((object) =>
      object.kind === 'StatefulSet'
        ? { ...object, spec: { ...(object.spec as object), cpu: request.values.cpu ?? null } }
        : object,
    ),
  cache: cacheChart,
};
// biome-ignore lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
const server = helmResource('server', { existingSecret: '${admin.name}', cpu: '${plan.cpu}' });
const [admin] = serverPlan.resources;
const largePlan: PlanOptions = { set: { cpu: '500m' }, resources: [present(admin), server], charts };
const planWithCache: PlanOptions = {
  set: { cpu: '250m' },
  resources: [present(admin), server, cache],
  charts,
};

export class Scenes {
  readonly #harness: WorkerHarness;
  #shared: ServiceInstance | undefined;
  #count = 0;

  constructor(harness: WorkerHarness) {
    this.#harness = harness;
  }

  async of(verb: Verb): Promise<Scene> {
    switch (verb) {
      case 'provision':
        return this.#provision();
      case 'update':
        return this.#update(await this.#provisioned(planWithCache));
      case 'deprovision': {
        const instance = await this.#provisioned();
        return this.#deprovision(instance, await this.#bound(instance));
      }
      case 'bind':
        return this.#bind(await this.#instance());
      case 'rotate': {
        const instance = await this.#instance();
        return this.#bind(instance, await this.#bound(instance));
      }
      case 'unbind': {
        const instance = await this.#instance();
        return this.#unbind(instance, await this.#bound(instance));
      }
    }
  }

  async #provision(): Promise<Scene> {
    const harness = this.#harness;
    this.#count += 1;
    const instanceId = `cell-${this.#count}`;
    const revision = await harness.addPlan({});
    const key = { platform: 'test', instanceId };
    const row = async () => present(await harness.store.findInstanceOrTombstone(key));
    let made: ServiceInstance | undefined;
    return {
      ask: (store) => harness.asking(store).provision(revision, instanceId),
      operation: async () => {
        made = await row();
        return present(await harness.store.latestInstanceOperation(made.uid));
      },
      outside: () => (made === undefined ? [] : harness.objectsOf(made)),
      expectDone: async () => {
        const instance = await row();
        expect(instance.state).toBe('ready');
        this.#expectServer(instance);
        await this.#expectTrueInventory(instance);
      },
      undo: async () => harness.deprovision(await row()),
      left: () => harness.objectsOf(present(made)).map(({ kind }) => kind),
    };
  }

  async #update(instance: ServiceInstance): Promise<Scene> {
    const harness = this.#harness;
    const revision = await harness.addPlan(largePlan);
    const { uid } = this.#statefulSet(instance).metadata;
    return {
      ask: (store) => harness.asking(store).update(instance, revision, {}),
      operation: async () => present(await harness.store.latestInstanceOperation(instance.uid)),
      outside: () => harness.objectsOf(instance),
      expectDone: async () => {
        const updated = await harness.instance(instance);
        expect(updated).toMatchObject({ state: 'ready', planId: revision.planId });
        const { metadata, spec } = this.#statefulSet(instance);
        expect(metadata).toMatchObject({ uid, generation: 2 });
        expect(spec).toMatchObject({ cpu: '500m' });
        this.#expectServer(instance);
        await this.#expectTrueInventory(instance);
      },
      undo: async () => harness.deprovision(await harness.instance(instance)),
      left: () => harness.objectsOf(instance).map(({ kind }) => kind),
    };
  }

  #deprovision(instance: ServiceInstance, binding: ServiceBinding): Scene {
    const harness = this.#harness;
    return {
      ask: (store) => harness.asking(store).deprovision(instance),
      operation: async () => present(await harness.store.latestInstanceOperation(instance.uid)),
      outside: () => harness.objectsOf(instance),
      expectDone: async (refused) => {
        expect(harness.objectsOf(instance)).toEqual([]);
        expect(await harness.inventoryOf(instance)).toEqual([]);
        expect((await harness.instance(instance)).state).toBe('deprovisioned');
        expect((await harness.binding(binding)).state).toBe('unbound');
        expect(harness.provider.logins.has(binding.externalName)).toBe(refused === true);
      },
    };
  }

  #bind(instance: ServiceInstance, predecessor?: ServiceBinding): Scene {
    const harness = this.#harness;
    this.#count += 1;
    const bindingId = `cell-${this.#count}`;
    const key = { platform: 'test', instanceId: instance.instanceId, bindingId };
    const row = async () => present(await harness.store.findBindingOrTombstone(key));
    const request = {
      namespace: appNamespace,
      ...(predecessor === undefined ? {} : { predecessorBindingId: predecessor.bindingId }),
    };
    let made: ServiceBinding | undefined;
    const delivered = (): KubeObject[] => (made === undefined ? [] : this.#delivered(made));
    return {
      ask: (store) => harness.asking(store).bind(instance, bindingId, request),
      operation: async () => {
        made = await row();
        return present(await harness.store.latestBindingOperation(made.uid));
      },
      outside: delivered,
      expectDone: async () => {
        await this.#expectBound(await row());
        if (predecessor !== undefined) {
          expect((await row()).predecessorBindingId).toBe(predecessor.bindingId);
          await this.#expectBound(predecessor);
        }
        await this.#expectTrueInventory(instance);
      },
      undo: async () => harness.unbind(await row()),
      left: () => [
        ...delivered().map(({ kind }) => kind),
        ...(harness.provider.logins.has(present(made).externalName) ? ['login'] : []),
      ],
    };
  }

  #unbind(instance: ServiceInstance, binding: ServiceBinding): Scene {
    const harness = this.#harness;
    return {
      ask: (store) => harness.asking(store).unbind(binding),
      operation: async () => present(await harness.store.latestBindingOperation(binding.uid)),
      outside: () => this.#delivered(binding),
      expectDone: async () => {
        expect((await harness.binding(binding)).state).toBe('unbound');
        expect(harness.provider.logins).not.toContain(binding.externalName);
        expect(this.#delivered(binding)).toEqual([]);
        await this.#expectTrueInventory(instance);
      },
    };
  }

  async #provisioned(plan: PlanOptions = {}): Promise<ServiceInstance> {
    const worker = this.#harness.startWorker();
    const { instance, operation } = await this.#harness.provision(plan);
    expect(await this.#harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    await worker.stop(1000);
    return this.#harness.instance(instance);
  }

  /** One for all cells that only bind and unbind. */
  async #instance(): Promise<ServiceInstance> {
    this.#shared ??= await this.#provisioned();
    return this.#shared;
  }

  async #bound(instance: ServiceInstance): Promise<ServiceBinding> {
    const worker = this.#harness.startWorker();
    const { binding, operation } = await this.#harness.bind(instance);
    expect(await this.#harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    await worker.stop(1000);
    return this.#harness.binding(binding);
  }

  #delivered({ externalName }: ServiceBinding): KubeObject[] {
    return this.#harness.cluster
      .all()
      .filter(({ metadata }) => metadata.namespace === appNamespace && metadata.name === externalName);
  }

  #statefulSet(instance: ServiceInstance): KubeObject {
    return present(this.#harness.objectsOf(instance).find(({ kind }) => kind === 'StatefulSet'));
  }

  /** One set of the objects that the plan makes. */
  #expectServer(instance: ServiceInstance): void {
    const { namespace, externalName } = instance;
    expect(this.#harness.objectsOf(instance).map(nameOf)).toEqual([
      `Namespace ${namespace}`,
      `Secret ${externalName}-admin`,
      `PersistentVolumeClaim ${externalName}-server`,
      `Service ${externalName}-server`,
      `StatefulSet ${externalName}-server`,
    ]);
  }

  /** The inventory holds exactly the objects there are, under the uids they have. */
  async #expectTrueInventory(instance: ServiceInstance): Promise<void> {
    const inventory = (await this.#harness.inventoryOf(instance)).map(
      ({ kind, name, objectUid }) => `${kind} ${name} ${objectUid}`,
    );
    const objects = this.#harness
      .objectsOf(instance)
      .filter(({ metadata }) => metadata.namespace !== appNamespace)
      .map((object) => `${nameOf(object)} ${object.metadata.uid}`);
    expect(inventory.toSorted()).toEqual(objects.toSorted());
  }

  /** One login, which its row knows, delivered once. */
  async #expectBound(binding: ServiceBinding): Promise<void> {
    const { state, externalName, credentials, password } = await this.#harness.binding(binding);
    expect(state).toBe('bound');
    expect(this.#harness.provider.logins).toContain(externalName);
    expect(present(credentials).reveal()).toMatchObject({
      ...{ username: externalName, password: password.reveal() },
    });
    const delivered = this.#delivered(binding);
    expect(delivered.map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
    expect(delivered[0]?.data).toMatchObject({
      password: Buffer.from(password.reveal()).toString('base64'),
    });
  }
}
