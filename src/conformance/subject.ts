/** What the checks act on: instances and bindings, and the requests for them as the platform would send them. */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from './json.ts';
import type { PlanOnOffer } from './plan-on-offer.ts';
import type { Place, Platform, Request } from './platforms/platform.ts';
import { type Draft, type Edit, type Endpoint, edited, type Verb } from './wire/exchange.ts';

export interface Seed {
  platform: Platform;
  place: Place;
  plan: PlanOnOffer;
  parameters: JsonObject | undefined;
  bindParameters: JsonObject | undefined;
}

const methods = {
  catalog: 'GET',
  provision: 'PUT',
  'fetch instance': 'GET',
  'poll instance': 'GET',
  update: 'PATCH',
  deprovision: 'DELETE',
  bind: 'PUT',
  'fetch binding': 'GET',
  'poll binding': 'GET',
  unbind: 'DELETE',
  elsewhere: 'GET',
} as const satisfies Record<Endpoint, Draft['method']>;

function draft(
  platform: Platform,
  endpoint: Endpoint,
  path: string,
  { query = {}, body }: Request = {},
): Draft {
  return {
    endpoint,
    method: methods[endpoint],
    path,
    query,
    headers: platform.headers(endpoint),
    ...(body === undefined ? {} : { body }),
  };
}

export function catalogDraft(platform: Platform, edit?: Edit): Draft {
  return edited(draft(platform, 'catalog', '/v2/catalog'), edit);
}

/** One instance that a check makes, or only talks about. */
export class Instance {
  readonly id: string;
  readonly seed: Seed;
  /** The plan as the platform knows it; an update that succeeded changes it. */
  plan: PlanOnOffer;
  /** The plan that the last update was to bring. */
  nextPlan: PlanOnOffer;
  /** The same in every request, like the name that a user gave. */
  readonly name: string;

  constructor(seed: Seed, id: string = randomUUID()) {
    this.id = id;
    this.seed = seed;
    this.plan = seed.plan;
    this.nextPlan = seed.plan;
    this.name = `check-${id.slice(0, 8).replaceAll(/[^a-z0-9-]/gi, 'x')}`;
  }

  get path(): string {
    return `/v2/service_instances/${encodeURIComponent(this.id)}`;
  }

  provision(edit?: Edit): Draft {
    const { platform, place, parameters } = this.seed;
    return this.#draft(
      'provision',
      platform.provision({ name: this.name, place, plan: this.seed.plan, parameters }),
      edit,
    );
  }

  update(change: { plan?: PlanOnOffer; parameters?: JsonObject }, edit?: Edit): Draft {
    const { platform, place } = this.seed;
    this.nextPlan = change.plan ?? this.plan;
    const request = platform.update({
      name: this.name,
      place,
      plan: this.plan,
      target: change.plan,
      parameters: change.parameters,
    });
    return this.#draft('update', request, edit);
  }

  deprovision(edit?: Edit): Draft {
    return this.#draft('deprovision', this.seed.platform.deprovision(this.plan), edit);
  }

  readonly removalVerb = 'deprovision';

  /** The DELETE, as {@link Binding.removal} is for a binding. */
  removal(edit?: Edit): Draft {
    return this.deprovision(edit);
  }

  fetch(edit?: Edit): Draft {
    return this.#draft('fetch instance', this.seed.platform.fetch(this.plan), edit);
  }

  poll(polled: Verb, operation: string | undefined, edit?: Edit): Draft {
    const { platform } = this.seed;
    const plan = polled === 'update' && platform.pollsUpdateWith === 'new plan' ? this.nextPlan : this.plan;
    return {
      ...this.#draft('poll instance', platform.poll(plan, operation), edit, '/last_operation'),
      polled,
    };
  }

  /** A binding of this instance that nobody has heard of yet. */
  binding(id?: string): Binding {
    return new Binding(this, id);
  }

  #draft(endpoint: Endpoint, request: Request, edit: Edit | undefined, below = ''): Draft {
    const plain = draft(this.seed.platform, endpoint, `${this.path}${below}`, request);
    return { ...edited(plain, edit), instanceId: this.id, plan: this.seed.plan };
  }
}

/** One binding that a check makes, or only talks about. */
export class Binding {
  readonly id: string;
  readonly instance: Instance;
  readonly #appId = randomUUID();

  constructor(instance: Instance, id: string = randomUUID()) {
    this.id = id;
    this.instance = instance;
  }

  bind(edit?: Edit): Draft {
    const { platform, place, bindParameters } = this.instance.seed;
    const request = platform.bind({
      place,
      instanceName: this.instance.name,
      appId: this.#appId,
      plan: this.instance.plan,
      parameters: bindParameters,
    });
    return this.#draft('bind', request, edit);
  }

  /** A rotation with nothing but what the specification requires. */
  rotate(predecessor: Binding, edit?: Edit): Draft {
    const { query = {} } = this.bind();
    return this.#draft('bind', { query, body: { predecessor_binding_id: predecessor.id } }, edit);
  }

  unbind(edit?: Edit): Draft {
    return this.#draft('unbind', this.instance.seed.platform.unbind(this.instance.plan), edit);
  }

  readonly removalVerb = 'unbind';

  removal(edit?: Edit): Draft {
    return this.unbind(edit);
  }

  fetch(edit?: Edit): Draft {
    return this.#draft('fetch binding', this.instance.seed.platform.fetch(this.instance.plan), edit);
  }

  poll(polled: Verb, operation: string | undefined, edit?: Edit): Draft {
    const request = this.instance.seed.platform.poll(this.instance.plan, operation);
    return { ...this.#draft('poll binding', request, edit, '/last_operation'), polled };
  }

  #draft(endpoint: Endpoint, request: Request, edit: Edit | undefined, below = ''): Draft {
    const path = `${this.instance.path}/service_bindings/${encodeURIComponent(this.id)}${below}`;
    const plain = draft(this.instance.seed.platform, endpoint, path, request);
    const { id: instanceId, plan } = this.instance;
    return { ...edited(plain, edit), instanceId, bindingId: this.id, plan };
  }
}
