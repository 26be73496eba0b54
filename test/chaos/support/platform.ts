/**
 * A platform with patience: whatever is not answered is asked again, at any replica that answers, until it is known.
 * Everything is written into the history.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { Login } from '../../support/cluster.ts';
import { basic } from '../../support/osb-client.ts';
import { canLogIn, quickPlans } from '../../support/quick-broker.ts';
import type { Exchange, History } from './history.ts';

export interface PlatformOptions {
  /** Addresses to ask, in turn. */
  urls: () => readonly string[];
  password: string;
  /** Of the app that binds. */
  namespace: string;
  /** How long anything is asked for before it counts as without end. */
  patienceMs: number;
}

/** How an operation ended for the client. */
export type Ended = 'succeeded' | 'failed' | 'gone' | 'no end';

export interface Bound {
  bindingId: string;
  login: Login;
}

const { service_id, plan_id } = quickPlans.small;
const removalQuery = `service_id=${service_id}&plan_id=${plan_id}&accepts_incomplete=true`;
const requestMs = 20_000;
const pollMs = 300;
const retryMs = 250;

export class Platform {
  readonly history: History = { exchanges: [], logins: [] };
  /** Passwords that were handed out. */
  readonly passwords: string[] = [];
  readonly #options: PlatformOptions;
  #turn = 0;

  constructor(options: PlatformOptions) {
    this.#options = options;
  }

  async provision(instanceId: string): Promise<Ended> {
    const body = this.#provisionBody();
    const path = `/v2/service_instances/${instanceId}`;
    const asked = await this.#until(
      { verb: 'provision', instanceId },
      'PUT',
      `${path}?accepts_incomplete=true`,
      body,
    );
    return this.#ended(asked, path);
  }

  /** Not answered with what it asks for, if the broker is right. */
  async conflictingProvision(instanceId: string): Promise<void> {
    const body = this.#provisionBody(quickPlans.large);
    const path = `/v2/service_instances/${instanceId}?accepts_incomplete=true`;
    await this.#ask({ verb: 'conflicting provision', instanceId }, 'PUT', path, body);
  }

  async repeatProvision(instanceId: string): Promise<void> {
    const path = `/v2/service_instances/${instanceId}?accepts_incomplete=true`;
    await this.#ask({ verb: 'provision', instanceId }, 'PUT', path, this.#provisionBody());
  }

  async fetch(instanceId: string): Promise<void> {
    await this.#ask({ verb: 'fetch', instanceId }, 'GET', `/v2/service_instances/${instanceId}`);
  }

  /** @returns undefined when the bind did not succeed */
  async bind(instanceId: string): Promise<Bound | undefined> {
    const bindingId = randomUUID();
    const path = bindingPath(instanceId, bindingId);
    const body = { ...quickPlans.small, context: this.#context() };
    const about = { verb: 'bind', instanceId, bindingId } as const;
    const asked = await this.#until(about, 'PUT', `${path}?accepts_incomplete=true`, body);
    if ((await this.#ended(asked, path)) !== 'succeeded') return undefined;
    const credentials = asked?.answer?.body.credentials ?? (await this.#credentials(instanceId, bindingId));
    if (credentials === undefined) return undefined;
    const login = credentials as unknown as Login;
    this.passwords.push(login.password);
    await this.tryLogin(instanceId, { bindingId, login });
    return { bindingId, login };
  }

  async unbind(instanceId: string, { bindingId }: Bound): Promise<Ended> {
    const path = bindingPath(instanceId, bindingId);
    const asked = await this.#until(
      { verb: 'unbind', instanceId, bindingId },
      'DELETE',
      `${path}?${removalQuery}`,
    );
    return this.#ended(asked, path);
  }

  async deprovision(instanceId: string): Promise<Ended> {
    const path = `/v2/service_instances/${instanceId}`;
    const asked = await this.#until({ verb: 'deprovision', instanceId }, 'DELETE', `${path}?${removalQuery}`);
    return this.#ended(asked, path);
  }

  async tryLogin(instanceId: string, { bindingId, login }: Bound): Promise<boolean> {
    const startedAt = performance.now();
    const works = await canLogIn(login);
    this.history.logins.push({ instanceId, bindingId, startedAt, works });
    return works;
  }

  async #credentials(instanceId: string, bindingId: string): Promise<JsonObject | undefined> {
    const asked = await this.#until(
      { verb: 'fetch', instanceId, bindingId },
      'GET',
      bindingPath(instanceId, bindingId),
    );
    return asked?.answer?.body.credentials as JsonObject | undefined;
  }

  /** What the answer comes to, once its operation ended. */
  async #ended(asked: Exchange | undefined, path: string): Promise<Ended> {
    const { status, body } = asked?.answer ?? {};
    if (asked === undefined || status === undefined || body === undefined) return 'no end';
    if (status === 410) return 'gone';
    if (status === 200 || status === 201) return 'succeeded';
    if (status !== 202) return 'failed';
    const { instanceId, bindingId } = asked;
    const operation = typeof body.operation === 'string' ? body.operation : '';
    const deadline = performance.now() + this.#options.patienceMs;
    while (performance.now() < deadline) {
      const poll = await this.#ask(
        { verb: 'poll', instanceId, operation, ...(bindingId === undefined ? {} : { bindingId }) },
        'GET',
        `${path}/last_operation?operation=${encodeURIComponent(operation)}`,
      );
      if (poll.answer?.status === 410) return 'gone';
      const state = poll.answer?.status === 200 ? poll.answer.body.state : undefined;
      if (state === 'succeeded' || state === 'failed') return state;
      await sleep(pollMs);
    }
    return 'no end';
  }

  /** Asks until the answer says something: neither silence, nor 5xx, nor "something else is under way". */
  async #until(
    about: Omit<Exchange, 'sentAt'>,
    method: string,
    path: string,
    body?: JsonObject,
  ): Promise<Exchange | undefined> {
    const deadline = performance.now() + this.#options.patienceMs;
    while (performance.now() < deadline) {
      const asked = await this.#ask(about, method, path, body);
      const status = asked.answer?.status ?? 0;
      const isBusy = asked.answer?.body.error === 'ConcurrencyError';
      // A binding whose operation just ended may be fetched a moment later only.
      const isEarly = about.verb === 'fetch' && status === 404;
      if (status >= 200 && status < 500 && !isBusy && !isEarly) return asked;
      await sleep(retryMs);
    }
    return undefined;
  }

  async #ask(
    about: Omit<Exchange, 'sentAt'>,
    method: string,
    path: string,
    body?: JsonObject,
  ): Promise<Exchange> {
    const exchange: Exchange = { ...about, sentAt: performance.now() };
    this.history.exchanges.push(exchange);
    const urls = this.#options.urls();
    this.#turn += 1;
    const url = urls[this.#turn % Math.max(1, urls.length)];
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: basic('platform', this.#options.password),
          'x-broker-api-version': '2.17',
          'content-type': 'application/json',
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(requestMs),
      });
      const parsed = (await answer.json()) as JsonObject;
      exchange.answer = { at: performance.now(), status: answer.status, body: parsed };
    } catch {
      // Nobody there, or cut off: the outcome is unknown.
    }
    return exchange;
  }

  #provisionBody(plan: JsonObject = quickPlans.small): JsonObject {
    return {
      ...plan,
      organization_guid: 'org',
      space_guid: 'space',
      context: this.#context(),
    };
  }

  #context(): JsonObject {
    return { platform: 'kubernetes', namespace: this.#options.namespace };
  }
}

function bindingPath(instanceId: string, bindingId: string): string {
  return `/v2/service_instances/${instanceId}/service_bindings/${bindingId}`;
}
