/** A service instance as a platform holds it: ids, paths and calls. It outlives the broker processes it talks to. */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../src/lib/json.ts';
import type { TestBroker } from './broker.ts';
import type { Login } from './cluster.ts';

export interface PlanIds {
  service_id: string;
  plan_id: string;
}

/** The first plan of PostgreSQL, or, in a catalog without it, the first one. */
export async function firstPlan({ client }: TestBroker): Promise<PlanIds> {
  const { body } = await client.expect([200], 'GET', '/v2/catalog');
  const services = body.services as { id: string; name: string; plans: { id: string }[] }[];
  const service = services.find(({ name }) => name === 'postgresql') ?? services[0];
  const plan = service?.plans[0];
  if (service === undefined || plan === undefined) throw new Error('the catalog has no plan');
  return { service_id: service.id, plan_id: plan.id };
}

export class PlatformInstance {
  readonly id: string;
  readonly path: string;
  readonly #plan: PlanIds;
  readonly #context: JsonObject;
  readonly #query: string;

  /** @param namespace of the app that binds */
  constructor(plan: PlanIds, namespace: string, id: string = randomUUID()) {
    this.id = id;
    this.path = `/v2/service_instances/${id}`;
    this.#plan = plan;
    this.#context = { platform: 'kubernetes', namespace };
    this.#query = `service_id=${plan.service_id}&plan_id=${plan.plan_id}&accepts_incomplete=true`;
  }

  /** @returns the operation token of the 202 */
  async startProvision({ client }: TestBroker, parameters: JsonObject = {}): Promise<string> {
    const { body } = await client.expect([202], 'PUT', `${this.path}?accepts_incomplete=true`, {
      ...this.#plan,
      organization_guid: 'org',
      space_guid: 'space',
      context: this.#context,
      parameters,
    });
    return body.operation as string;
  }

  async provision(broker: TestBroker, parameters: JsonObject = {}): Promise<void> {
    await this.startProvision(broker, parameters);
    await this.untilFinished(broker);
  }

  /** @param change the body of the PATCH, `service_id` apart */
  async update(broker: TestBroker, change: JsonObject): Promise<void> {
    await broker.client.expect([202], 'PATCH', `${this.path}?accepts_incomplete=true`, {
      service_id: this.#plan.service_id,
      context: this.#context,
      ...change,
    });
    await this.untilFinished(broker);
  }

  async untilFinished({ client }: TestBroker): Promise<void> {
    await client.untilFinished(this.path, () => undefined);
  }

  /** What last_operation says of one operation: `in progress`, `succeeded` or `failed`. */
  async stateOf({ client }: TestBroker, operation: string): Promise<string> {
    const { body } = await client.expect(
      [200],
      'GET',
      `${this.path}/last_operation?operation=${encodeURIComponent(operation)}`,
    );
    return body.state as string;
  }

  bindingPath(bindingId: string): string {
    return `${this.path}/service_bindings/${bindingId}`;
  }

  /** Sends the bind and does not look at the answer's status: 201, 202 or, when the broker dies meanwhile, none. */
  async startBind({ client }: TestBroker, bindingId: string): Promise<void> {
    await client.call('PUT', `${this.bindingPath(bindingId)}?accepts_incomplete=true`, {
      ...this.#plan,
      context: this.#context,
    });
  }

  /** Binds, waits when need be, and gives the credentials. */
  async bind(broker: TestBroker, bindingId: string): Promise<Login> {
    await this.startBind(broker, bindingId);
    await broker.client.untilFinished(this.bindingPath(bindingId), () => undefined);
    return this.credentials(broker, bindingId);
  }

  async credentials({ client }: TestBroker, bindingId: string): Promise<Login> {
    const { body } = await client.expect([200], 'GET', this.bindingPath(bindingId));
    return body.credentials as unknown as Login;
  }

  async unbind({ client }: TestBroker, bindingId: string): Promise<void> {
    await client.expect([200, 202], 'DELETE', `${this.bindingPath(bindingId)}?${this.#query}`);
    await client.untilFinished(this.bindingPath(bindingId), () => undefined);
  }

  async startDeprovision({ client }: TestBroker): Promise<string> {
    const { body } = await client.expect([202], 'DELETE', `${this.path}?${this.#query}`);
    return body.operation as string;
  }

  async deprovision(broker: TestBroker): Promise<void> {
    await this.startDeprovision(broker);
    await this.untilFinished(broker);
  }
}
