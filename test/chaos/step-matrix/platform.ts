/** What a platform does in one cell of the matrix, and what it finds in the end: over HTTP, kubectl and psql. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { TestBroker } from '../../support/broker.ts';
import { core, decoded, eventually, type Login } from '../../support/cluster.ts';
import { countByKind, namespacesOf, objectsOf } from '../../support/installation.ts';
import { canLogIn, type QuickHome, quickPlans } from '../../support/quick-broker.ts';

export type Verb = 'provision' | 'update' | 'bind' | 'rotate' | 'unbind' | 'deprovision';
type Method = 'PUT' | 'PATCH' | 'DELETE';
type Plan = (typeof quickPlans)[keyof typeof quickPlans];

interface Request {
  method: Method;
  path: string;
  body?: JsonObject;
}

/** One operation of a platform. */
export interface Attempt {
  request: Request;
  /** Of the instance or binding that the operation is on. */
  path: string;
  /** The uids of everything on the cluster, by `Kind/name`. */
  outside(): Promise<Map<string, string>>;
  /**
   * Throws unless everything is as it should be, as seen through this broker.
   * @param refused the server refused to revoke a login before it went itself; that of this test stays, and the login
   * too, for sweeps to tell of
   */
  expectDone(broker: TestBroker, refused?: boolean): Promise<void>;
}

const small = { Namespace: 1, Secret: 2, ConfigMap: 1, Service: 1 };
const large = { ...small, Secret: 1 };

export class Platform {
  readonly #home: QuickHome;
  readonly #namespace: string;
  #shared = '';
  #predecessors: { id: string; login: Login }[] = [];

  /** @param namespace of the app that binds */
  constructor(home: QuickHome, namespace: string) {
    this.#home = home;
    this.#namespace = namespace;
  }

  /** What must be there before any process is under test: an instance for all binds, and what is rotated. */
  async prepare(broker: TestBroker, rotations: number): Promise<void> {
    this.#shared = await this.#provisioned(broker, quickPlans.small);
    this.#predecessors = await Promise.all(
      Array.from({ length: rotations }, async () => {
        const id = randomUUID();
        return { id, login: await this.#bound(broker, this.#shared, id) };
      }),
    );
  }

  /** Whatever comes before the operation of the verb, through a broker that is armed for that one only. */
  async attempt(verb: Verb, broker: TestBroker): Promise<Attempt> {
    switch (verb) {
      case 'provision':
        return this.#provision();
      case 'update':
        return this.#update(await this.#provisioned(broker, quickPlans.small));
      case 'bind':
        return this.#bind();
      case 'rotate':
        return this.#bind(this.#predecessors.pop());
      case 'unbind': {
        const id = randomUUID();
        return this.#unbind(id, await this.#bound(broker, this.#shared, id));
      }
      case 'deprovision': {
        const instance = await this.#provisioned(broker, quickPlans.small);
        const binding = randomUUID();
        return this.#deprovision(instance, binding, await this.#bound(broker, instance, binding));
      }
    }
  }

  #provision(): Attempt {
    const id = randomUUID();
    return {
      request: this.#provisionRequest(id, quickPlans.small),
      path: instancePath(id),
      outside: () => objectsOf(this.#home, id),
      expectDone: async ({ client }) => {
        expect((await client.call('GET', instancePath(id))).status).toBe(200);
        expect(countByKind((await objectsOf(this.#home, id)).keys())).toEqual(small);
      },
    };
  }

  #update(id: string): Attempt {
    const { service_id, plan_id } = quickPlans.large;
    return {
      request: {
        method: 'PATCH',
        path: `${instancePath(id)}?accepts_incomplete=true`,
        body: { service_id, plan_id, context: this.#context() },
      },
      path: instancePath(id),
      outside: () => objectsOf(this.#home, id),
      expectDone: async ({ client }) => {
        expect((await client.call('GET', instancePath(id))).body).toMatchObject({ plan_id });
        expect(countByKind((await objectsOf(this.#home, id)).keys())).toEqual(large);
        const [namespace] = await namespacesOf(this.#home, id);
        const { items } = await core().listNamespacedConfigMap({
          ...{ namespace: namespace?.metadata?.name ?? '', labelSelector: 'chandler.dev/instance' },
        });
        expect(items[0]?.data?.size).toBe('large');
      },
    };
  }

  #bind(predecessor?: { id: string; login: Login }): Attempt {
    const id = randomUUID();
    const path = bindingPath(this.#shared, id);
    return {
      request: this.#bindRequest(this.#shared, id, predecessor?.id),
      path,
      outside: () => this.#delivered(id),
      expectDone: async (broker) => {
        await this.#expectBound(broker, path, id);
        if (predecessor !== undefined) expect(await canLogIn(predecessor.login)).toBe(true);
      },
    };
  }

  #unbind(id: string, login: Login): Attempt {
    const path = bindingPath(this.#shared, id);
    return {
      request: { method: 'DELETE', path: `${path}?${query(quickPlans.small)}` },
      path,
      outside: () => this.#delivered(id),
      expectDone: async (broker) => {
        expect((await broker.client.call('GET', path)).status).toBe(404);
        await this.#expectUnbound(id, login);
      },
    };
  }

  #deprovision(id: string, binding: string, login: Login): Attempt {
    return {
      request: { method: 'DELETE', path: `${instancePath(id)}?${query(quickPlans.small)}` },
      path: instancePath(id),
      outside: () => objectsOf(this.#home, id),
      expectDone: async ({ client }, refused = false) => {
        expect((await client.call('GET', instancePath(id))).status).toBe(404);
        expect(await objectsOf(this.#home, id)).toEqual(new Map());
        await this.#expectUnbound(binding, login, refused);
      },
    };
  }

  async #provisioned(broker: TestBroker, plan: Plan): Promise<string> {
    const id = randomUUID();
    await send(broker, this.#provisionRequest(id, plan));
    await broker.client.untilFinished(instancePath(id), () => undefined);
    return id;
  }

  async #bound(broker: TestBroker, instance: string, id: string): Promise<Login> {
    const path = bindingPath(instance, id);
    await send(broker, this.#bindRequest(instance, id));
    await broker.client.untilFinished(path, () => undefined);
    return this.#expectBound(broker, path, id);
  }

  /** One login, which works; one Secret that says the same. */
  async #expectBound({ client }: TestBroker, path: string, id: string): Promise<Login> {
    const { body } = await client.expect([200], 'GET', path);
    const login = body.credentials as unknown as Login;
    expect(await canLogIn(login)).toBe(true);
    const delivered = await this.#delivered(id);
    expect(countByKind(delivered.keys())).toEqual({ Secret: 1, ConfigMap: 1 });
    const { items } = await core().listNamespacedSecret({
      ...{ namespace: this.#namespace, labelSelector: `chandler.dev/binding-id=${id}` },
    });
    const { username, password } = login;
    expect(decoded(items[0] ?? {})).toMatchObject({ username, password });
    return login;
  }

  async #expectUnbound(id: string, login: Login, isLeft = false): Promise<void> {
    expect(await canLogIn(login)).toBe(isLeft);
    expect((await this.#home.logins()).includes(login.username)).toBe(isLeft);
    expect(await this.#delivered(id)).toEqual(new Map());
  }

  async #delivered(bindingId: string): Promise<Map<string, string>> {
    const where = { namespace: this.#namespace, labelSelector: `chandler.dev/binding-id=${bindingId}` };
    const [secrets, configMaps] = await Promise.all([
      core().listNamespacedSecret(where),
      core().listNamespacedConfigMap(where),
    ]);
    return new Map([
      ...secrets.items.map(({ metadata }) => [`Secret/${metadata?.name}`, metadata?.uid ?? ''] as const),
      ...configMaps.items.map(
        ({ metadata }) => [`ConfigMap/${metadata?.name}`, metadata?.uid ?? ''] as const,
      ),
    ]);
  }

  #context(): JsonObject {
    return { platform: 'kubernetes', namespace: this.#namespace };
  }

  #provisionRequest(id: string, plan: Plan): Request {
    return {
      method: 'PUT',
      path: `${instancePath(id)}?accepts_incomplete=true`,
      body: { ...plan, organization_guid: 'org', space_guid: 'space', context: this.#context() },
    };
  }

  #bindRequest(instance: string, id: string, predecessor?: string): Request {
    return {
      method: 'PUT',
      path: `${bindingPath(instance, id)}?accepts_incomplete=true`,
      body: {
        ...quickPlans.small,
        context: this.#context(),
        ...(predecessor === undefined ? {} : { predecessor_binding_id: predecessor }),
      },
    };
  }
}

/** As platforms do: again until somebody answers. What a DELETE did not find is gone already. */
export async function send({ client }: TestBroker, { method, path, body }: Request): Promise<void> {
  await eventually(
    `${method} ${path} is accepted`,
    async () => {
      const { status } = await client.call(method, path, body).catch(() => ({ status: 0 }));
      return [200, 201, 202].includes(status) || (method === 'DELETE' && status === 410) ? true : undefined;
    },
    60_000,
  );
}

const instancePath = (id: string) => `/v2/service_instances/${id}`;
const bindingPath = (instance: string, id: string) => `${instancePath(instance)}/service_bindings/${id}`;
const query = ({ service_id, plan_id }: Plan) =>
  `service_id=${service_id}&plan_id=${plan_id}&accepts_incomplete=true`;
