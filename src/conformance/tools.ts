/** What a check has at hand: requests, instances in some state, and patience. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { fieldOf } from './answers.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { Ledger } from './ledger.ts';
import { forbidden, othersAllowed } from './parameters.ts';
import type { PlanOnOffer } from './plan-on-offer.ts';
import type { Platform } from './platforms/platform.ts';
import { type Ends, endToldBy, operationOf, pollToEnd, refusal, type Settled } from './poll-to-end.ts';
import { type Binding, catalogDraft, Instance, type Seed } from './subject.ts';
import { Blocked, Failure, NotApplicable, StillRunning } from './verdict.ts';
import type { Client } from './wire/client.ts';
import type { Answered, Draft, Edit, Exchange, Verb } from './wire/exchange.ts';

export interface Settings {
  /** How long an operation may take. */
  operationMs: number;
  /** Pause between two polls; the broker's Retry-After can lengthen it to ten times as much. */
  pollMs: number;
  /** How many requests a race sends at once. */
  raceWidth: number;
  /** Sent with updates in turns, in place of what the schema suggests; none: what it suggests. */
  updateParameters: readonly JsonObject[];
}

/** What all checks of a run have in common. */
export interface Run {
  client: Client;
  platform: Platform;
  catalog: Exchange;
  plans: readonly PlanOnOffer[];
  settings: Settings;
  /** Aborted when the user interrupts. */
  signal: AbortSignal;
  /** Sees every exchange. */
  seen(exchange: Exchange): void;
}

/** Instances that the checks of one lane share. */
export class Lane {
  readonly ledger: Ledger;
  ready?: Promise<Instance>;
  young?: { instance: Instance; answer: Answered };
  leaving?: { instance: Instance; answer: Answered };
  /** The answer to an update that a check left running. */
  pendingUpdate?: Answered;
  /** Parameters of the last update that was accepted. */
  updatedWith?: JsonValue;
  /** Whether a broker whose catalog speaks of no updates refuses them all. */
  refusesUpdates?: Promise<boolean>;
  /** Credentials that binds answered, by the id of the binding. */
  readonly credentials = new Map<string, JsonValue>();
  readonly ends: Ends = new WeakMap();
  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** Lets the next check make instances anew; the ledger still has the old ones. */
  forget(): void {
    delete this.ready;
    delete this.young;
    delete this.leaving;
    delete this.pendingUpdate;
    delete this.updatedWith;
  }
}

export class Tools {
  readonly run: Run;
  readonly seed: Seed;
  readonly #lane: Lane;
  /** What this check sent, in order. */
  readonly exchanges: Exchange[] = [];

  constructor(run: Run, seed: Seed, lane: Lane) {
    this.run = run;
    this.seed = seed;
    this.#lane = lane;
  }

  get plan(): PlanOnOffer {
    return this.seed.plan;
  }

  /** @throws Failure when no answer comes */
  async send(draft: Draft): Promise<Answered> {
    const exchange = await this.attempt(draft);
    const { answer, fault } = exchange;
    if (answer === undefined) throw new Failure(unanswered(draft, fault));
    this.#assumePlatformCanPoll({ ...exchange, answer });
    return { ...exchange, answer };
  }

  /** Service Catalog cannot bind what binds only asynchronously; that says nothing about the broker's other rules. */
  #assumePlatformCanPoll({ draft, answer }: Answered): void {
    const saysNothing = !('accepts_incomplete' in draft.query) && ['bind', 'unbind'].includes(draft.endpoint);
    const refused = answer.status === 422 && fieldOf({ answer }, 'error') === 'AsyncRequired';
    if (!saysNothing || !refused) return;
    throw new NotApplicable(
      `the platform ${this.run.platform.name} never polls for a ${draft.endpoint}, which this plan needs`,
    );
  }

  /** Sends without expecting an answer; `signal` gives up on it. */
  async attempt(draft: Draft, signal?: AbortSignal): Promise<Exchange> {
    this.run.signal.throwIfAborted();
    this.#lane.ledger.sending(draft);
    const { signal: interrupt } = this.run;
    const either = signal === undefined ? interrupt : AbortSignal.any([signal, interrupt]);
    const exchange = await this.run.client.exchange(draft, either);
    this.#lane.ledger.answered(exchange);
    if (draft.endpoint === 'update' && [200, 202].includes(exchange.answer?.status ?? 0)) {
      const sent = typeof draft.body === 'object' ? draft.body.parameters : undefined;
      if (isObject(sent) && Object.keys(sent).length > 0) this.#lane.updatedWith = sent;
    }
    const { credentials } = isObject(exchange.answer?.json) ? exchange.answer.json : {};
    if (draft.endpoint === 'bind' && draft.bindingId !== undefined && isObject(credentials))
      this.#lane.credentials.set(draft.bindingId, credentials);
    this.exchanges.push(exchange);
    this.run.seen(exchange);
    return exchange;
  }

  catalog(edit?: Edit): Draft {
    return catalogDraft(this.run.platform, edit);
  }

  /** The instance as another organization and space would send it, who happen to choose the same id. */
  elsewhere({ id, seed }: Instance): Instance {
    const place = { ...seed.place, organizationId: randomUUID(), spaceId: randomUUID() };
    return new Instance({ ...seed, place }, id);
  }

  /** An instance that nobody has heard of yet. */
  instance(change: Partial<Seed> = {}, id?: string): Instance {
    return new Instance({ ...this.seed, ...change }, id);
  }

  /** @returns an instance of this check's own, ready to be used */
  async make(instance: Instance = this.instance(), edit?: Edit): Promise<Instance> {
    const answer = await this.#arranged(() => this.send(instance.provision(edit)));
    const { state, description } = await this.settle(instance, 'provision', answer);
    if (state === 'failed') throw new Blocked(`the instance it needs could not be made: ${description}`);
    return instance;
  }

  /** @returns the ready instance of this check's lane; leave it as it is */
  ready(): Promise<Instance> {
    this.#lane.ready ??= this.make();
    return this.#lane.ready;
  }

  /** Lets the next check of the lane make instances anew. */
  forget(): void {
    this.#lane.forget();
  }

  /** Makes an instance of this check the ready one of its lane. */
  share(instance: Instance): void {
    this.#lane.ready = Promise.resolve(instance);
  }

  /** @returns an instance that is being made, with the answer to the PUT that began it */
  async young(): Promise<{ instance: Instance; answer: Answered }> {
    const { young } = this.#lane;
    if (young !== undefined && (await this.isRunning(young.instance, 'provision', young.answer)))
      return young;
    const instance = this.instance();
    const answer = await this.begin(instance.provision(), 'provisions');
    this.#lane.young = { instance, answer };
    return this.#lane.young;
  }

  /** @returns an instance that is being deleted, with the answer to the DELETE that began it */
  async leaving(): Promise<{ instance: Instance; answer: Answered }> {
    const { leaving } = this.#lane;
    if (leaving !== undefined && (await this.isRunning(leaving.instance, 'deprovision', leaving.answer)))
      return leaving;
    const instance = await this.make();
    const answer = await this.begin(instance.deprovision(), 'deprovisions');
    this.#lane.leaving = { instance, answer };
    return this.#lane.leaving;
  }

  /** @returns the ready instance of this check's lane that may be updated, with no update under way */
  async changing(): Promise<Instance> {
    await this.assumeUpdates();
    const instance = await this.ready();
    const { pendingUpdate } = this.#lane;
    delete this.#lane.pendingUpdate;
    if (pendingUpdate !== undefined) await this.settle(instance, 'update', pendingUpdate);
    return instance;
  }

  /** @throws NotApplicable where the catalog speaks of no updates and the broker has none, which it MAY */
  async assumeUpdates(): Promise<void> {
    const { updateable, allowContextUpdates, schemas } = this.plan;
    if (updateable || allowContextUpdates || schemas.update !== undefined) return;
    this.#lane.refusesUpdates ??= this.ready().then(async (instance) => {
      const exchange = await this.attempt(instance.update({}, { body: { plan_id: instance.plan.planId } }));
      const { answer } = exchange;
      if (answer?.status === 202) this.#lane.pendingUpdate = { ...exchange, answer };
      return answer !== undefined && [404, 405, 422, 501].includes(answer.status);
    });
    if (await this.#lane.refusesUpdates) throw new NotApplicable('the broker offers no updates (PATCH)');
  }

  /** The credentials that the bind answered, which a broker may never tell again. */
  credentialsAnswered({ id }: Binding): JsonValue | undefined {
    return this.#lane.credentials.get(id);
  }

  /** @returns the instance of this lane while it is updated, the update that runs, and other parameters for it */
  async updating(): Promise<{ instance: Instance; draft: Draft; answer: Answered; other: JsonObject }> {
    const instance = await this.changing();
    const parameters = this.changedParameters();
    const draft = instance.update({ parameters });
    const answer = await this.begin(draft, 'updates');
    this.#lane.pendingUpdate = answer;
    return { instance, draft, answer, other: this.changedParameters(parameters) };
  }

  /** Deprovisions or unbinds, which is not what the check is about. */
  async remove(of: Instance | Binding): Promise<void> {
    const answer = await this.#arranged(() => this.send(of.removal()));
    const { state, description } = await this.settle(of, of.removalVerb, answer);
    if (state === 'failed') throw new Blocked(`the ${of.removalVerb} failed: ${description}`);
  }

  /** Sends a request that should begin an asynchronous operation. @throws NotApplicable when it was done at once */
  async begin(draft: Draft, verb: string): Promise<Answered> {
    const answer = await this.#arranged(() => this.send(draft));
    const { status } = answer.answer;
    if (status === 202) return answer;
    if (status === 200 || status === 201) throw new NotApplicable(`this plan ${verb} within the request`);
    throw refusal(answer);
  }

  /** Makes a binding of its own. */
  async bound(instance: Instance, binding: Binding = instance.binding(), edit?: Edit): Promise<Binding> {
    this.assumeBindable();
    const answer = await this.#arranged(() => this.send(binding.bind(edit)));
    const { state, description } = await this.settle(binding, 'bind', answer);
    if (state === 'failed') throw new Blocked(`the binding it needs could not be made: ${description}`);
    return binding;
  }

  assumeInstancesRetrievable(): void {
    if (this.plan.instancesRetrievable) return;
    throw new NotApplicable('the catalog does not say instances_retrievable, so GET tells nothing');
  }

  assumeBindingsRetrievable(): void {
    if (this.plan.bindingsRetrievable) return;
    throw new NotApplicable('the catalog does not say bindings_retrievable, so GET tells nothing');
  }

  assumeBindable(): void {
    if (!this.plan.bindable) throw new NotApplicable('the plan is not bindable');
  }

  /**
   * Waits for the end of what a request began.
   * @throws Blocked when the request was refused, polling does not work, or it takes too long
   */
  async settle(of: Instance | Binding, verb: Verb, begun: Answered): Promise<Settled> {
    try {
      const { operationMs, pollMs } = this.run.settings;
      const send = (draft: Draft) => this.#arranged(() => this.send(draft));
      const { ends } = this.#lane;
      return await pollToEnd(of, verb, begun, { send, ends, operationMs, pollMs, signal: this.run.signal });
    } catch (thrown) {
      // What may still run would collide with the update of the next check.
      if (verb === 'update') this.forget();
      throw thrown;
    }
  }

  /**
   * Waits for the end of an operation as the check that is about it.
   * @throws Failure when polling does not work; Blocked only when it takes too long
   */
  async follow(of: Instance | Binding, verb: Verb, begun: Answered): Promise<Settled> {
    try {
      return await this.settle(of, verb, begun);
    } catch (thrown) {
      if (thrown instanceof Blocked && !(thrown instanceof StillRunning)) throw new Failure(thrown.message);
      throw thrown;
    }
  }

  /** As long as a broker may take to notice that a request was cut off, and a little more. */
  async pauseAfterCutOff(): Promise<void> {
    const milliseconds = Math.min(1000, this.run.settings.pollMs * 50);
    await sleep(milliseconds, undefined, { signal: this.run.signal });
  }

  /** As long as between two polls. */
  async pause(): Promise<void> {
    await sleep(this.run.settings.pollMs, undefined, { signal: this.run.signal });
  }

  /** Whether what a 202 began is still under way. */
  async isRunning(of: Instance | Binding, verb: Verb, { answer: begun }: Answered): Promise<boolean> {
    const { answer } = await this.attempt(of.poll(verb, operationOf(begun.json)));
    const end = answer?.status === 200 ? endToldBy({ answer }) : undefined;
    if (end !== undefined) this.#lane.ends.set(begun, end);
    return answer !== undefined && fieldOf({ answer }, 'state') === 'in progress';
  }

  /**
   * Judges an answer that would be fine when the operation was over before it.
   * @throws NotApplicable instead of Failure when it was, so that nothing collided with it
   */
  async whileRunning(of: Instance | Binding, verb: Verb, begun: Answered, judge: () => void): Promise<void> {
    try {
      judge();
    } catch (thrown) {
      if (await this.isRunning(of, verb, begun)) throw thrown;
      throw new NotApplicable(`the ${verb} was over too soon for a request to collide with it`);
    }
  }

  /** Parameters that the schema allows and that differ from those of the seed. */
  otherParameters(verb: 'provision' | 'bind' = 'provision'): JsonObject {
    const given = verb === 'bind' ? this.seed.bindParameters : this.seed.parameters;
    const [other] = othersAllowed(this.plan.schemas[verb], given ?? {});
    if (other === undefined)
      throw new NotApplicable(`the schema of the plan suggests no other ${verb} parameters`);
    return other;
  }

  /** The context of a request, to be sent with a change. @throws NotApplicable when the platform sends none */
  contextOf({ body }: Draft): JsonObject {
    const context = typeof body === 'object' ? body.context : undefined;
    if (!isObject(context)) throw new NotApplicable('the platform sends no context');
    return context;
  }

  /** Parameters for an update that has something to change: other ones than the last update had. */
  changedParameters(besides?: JsonObject): JsonObject {
    const given = this.run.settings.updateParameters;
    const all = given.length > 0 ? given : othersAllowed(this.plan.schemas.update, {});
    const used = [this.#lane.updatedWith, besides];
    const changed = all.find((one) => !used.some((other) => isDeepStrictEqual(one, other)));
    if (changed !== undefined) return changed;
    if (given.length > 0)
      throw new NotApplicable('it needs another update (give --update-parameters once more)');
    throw new NotApplicable('the schema of the plan suggests no parameters to update');
  }

  forbiddenParameters(verb: keyof PlanOnOffer['schemas']): { parameters: JsonObject; name: string } {
    const base = { provision: this.seed.parameters, update: undefined, bind: this.seed.bindParameters }[verb];
    const found = forbidden(this.plan.schemas[verb], base ?? {});
    if (found === undefined)
      throw new NotApplicable(`the plan has no schema for ${verb} that forbids anything`);
    return found;
  }

  /** Another plan of the same service. */
  siblingPlan(): PlanOnOffer {
    const { serviceId, planId } = this.plan;
    const sibling = this.run.plans.find((plan) => plan.serviceId === serviceId && plan.planId !== planId);
    if (sibling === undefined) throw new NotApplicable('the service has no other plan');
    return sibling;
  }

  /** What goes wrong on the way to what a check is about is not the check's verdict. */
  async #arranged<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (thrown) {
      if (thrown instanceof Failure) throw new Blocked(thrown.message);
      throw thrown;
    }
  }
}

function unanswered({ method, endpoint }: Draft, fault: string | undefined): string {
  return `${method} (${endpoint}) got no answer: the broker must answer every request, also with an error (${fault})`;
}
