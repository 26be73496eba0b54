/** The broker, as one sequence sees it: ids that nobody used before, and what was sent so far. */
import { freshId } from '../../support/osb-broker.ts';
import type { Answer, Sent } from '../../support/osb-client.ts';
import type { Entry, RequestEntry } from './as-curl.ts';
import { type Request, react } from './expectations.ts';
import { type Exchange, explain } from './explain.ts';
import type { HeldService } from './held-service.ts';
import {
  bindingCount,
  canProceed,
  emptyModel,
  type Fate,
  fateKey,
  instanceAt,
  instanceCount,
  isWaiting,
  latest,
  type Model,
  type Operation,
  operationsOf,
  type Place,
  places,
  running,
  thingAt,
  type Verdict,
} from './model.ts';
import { beginsOf, describeExpected, nameOf, spell, wordsOf } from './spell.ts';

export interface Tested {
  url: string;
  service: HeldService;
  send(sent: Sent): Promise<Answer>;
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** Why a sequence failed, with all that happened in it. */
export class SequenceFailed extends Error {
  override readonly name = 'SequenceFailed';
  readonly entries: readonly Entry[];

  constructor(message: string, entries: readonly Entry[]) {
    super(message);
    this.entries = entries;
  }
}

/** What is done at once. */
export interface Deed {
  requests: Request[];
  /** Of what the requests begin. */
  fate?: Fate;
  /** An operation that is held until now. */
  finish?: { place: Place; verdict: Verdict };
}

/** What fast-check calls the model. */
export interface Sequence {
  model: Model;
  /** What may be sent again. */
  history: Request[];
  /** What was done so far. */
  deeds: Deed[];
}

export function newSequence(): Sequence {
  return { model: emptyModel(), history: [], deeds: [] };
}

/** The operation that is held there, as far as the model knows. */
function heldAt(model: Model, place: Place): Operation | undefined {
  const operation = running(thingAt(model, place));
  if (operation?.token === undefined || canProceed(model, place)) return undefined;
  return isWaiting(instanceAt(model, place), operation) ? undefined : operation;
}

export function heldPlaces(model: Model): Place[] {
  return places().filter((place) => heldAt(model, place) !== undefined);
}

/** Fates of what requests may begin. What is under way already keeps its own. */
function withFates(before: Model, requests: readonly Request[], fate: Fate = 'works'): Model {
  const model = structuredClone(before);
  for (const request of requests) {
    const type = beginsOf(request);
    if (type === undefined || running(thingAt(before, request))?.type === type) continue;
    model.fates[fateKey(request, type)] = fate;
  }
  return model;
}

/** Not when a platform that cannot poll would wait for what is held, or when there is nothing that could end. */
export function canPerform({ model }: Readonly<Sequence>, { requests, fate, finish }: Deed): boolean {
  if (requests.length === 0) return finish !== undefined && heldAt(model, finish.place) !== undefined;
  const before = withFates(model, requests, fate);
  return requests.every((request) => react(structuredClone(before), request).waits !== true);
}

export class World {
  readonly #tested: Tested;
  readonly #instances = Array.from({ length: instanceCount }, freshId);
  readonly #bindings = this.#instances.map(() => Array.from({ length: bindingCount }, freshId));
  readonly #settled = new Set<string>();
  readonly entries: Entry[] = [];

  constructor(tested: Tested) {
    this.#tested = tested;
  }

  /** Does it, and holds what is seen against the model, which then knows it. @throws SequenceFailed */
  async perform(sequence: Sequence, deed: Deed): Promise<void> {
    const { requests, finish } = deed;
    sequence.deeds.push(deed);
    const before = withFates(sequence.model, requests, deed.fate);
    this.#decide(before, requests);
    const finished = finish === undefined ? undefined : heldAt(before, finish.place);
    if (finish !== undefined && finished !== undefined) {
      finished.fate = finish.verdict;
      this.entries.push({ kind: 'note', text: `(the ${finished.type} ends: the service ${finish.verdict})` });
    }
    const exchanges = await this.#exchange(before, requests, () => {
      if (finish !== undefined && finished?.token !== undefined)
        this.#tested.service.release(finished.token, finish.verdict);
    });
    const models = explain(before, exchanges);
    if (models.length === 0) {
      this.#fail(requests.length === 1 ? 'not the answer that is right' : 'no order explains these answers');
    }
    sequence.model = await this.#settle(models);
    sequence.history.push(...requests.filter((request) => beginsOf(request) !== undefined));
    this.#look(sequence.model);
  }

  /** Nothing of this sequence is held any more. */
  letGo(): void {
    this.#tested.service.letGo(this.#instances);
  }

  /** Everything ends, and is deleted; then nothing of it is left. @throws SequenceFailed */
  async end(sequence: Sequence): Promise<void> {
    await this.#askAll(sequence);
    for (;;) {
      const [place] = heldPlaces(sequence.model);
      if (place === undefined) break;
      await this.perform(sequence, { requests: [], finish: { place, verdict: 'works' } });
    }
    for (const [instance, { isGone, plan }] of sequence.model.instances.entries()) {
      if (isGone) continue;
      const request: Request = { verb: 'deprovision', instance, plan, polls: true };
      await this.perform(sequence, { requests: [request], fate: 'works' });
    }
    await this.#askAll(sequence);
    const left = await this.#tested.query(
      `select o.type from operations o join service_instances i on i.uid = o.instance_uid
       where i.instance_id in (${this.#instances.map((id) => `'${id}'`).join(', ')}) and
         (o.state = 'in progress' or i.state <> 'deprovisioned')`,
    );
    if (left.length > 0) this.#fail(`left behind: ${JSON.stringify(left)}`);
  }

  /** What platforms are told of everything that ever was. */
  async #askAll({ model }: Sequence): Promise<void> {
    const known = places().filter((place) => latest(thingAt(model, place)) !== undefined);
    const requests = known.flatMap((place): Request[] => [
      { verb: 'fetch', ...place },
      { verb: 'last_operation', ...place },
    ]);
    await Promise.all(requests.map((request) => this.#ask([model], request)));
  }

  #decide({ fates }: Model, requests: readonly Request[]): void {
    for (const request of requests) {
      const type = beginsOf(request);
      if (type === undefined) continue;
      const [instanceId, bindingId] = this.#idsOf(request);
      const fate = fates[fateKey(request, type)] ?? 'works';
      this.#tested.service.decide(fate, type, instanceId, bindingId);
    }
  }

  async #exchange(before: Model, requests: readonly Request[], meanwhile: () => void): Promise<Exchange[]> {
    const entries = requests.map((request, index) => this.#entryOf(before, request, index, requests.length));
    this.entries.push(...entries);
    const answers = Promise.all(entries.map((entry) => this.#answer(entry)));
    meanwhile();
    return (await answers).flatMap((answer, index) => {
      const request = requests[index];
      return request === undefined ? [] : [{ request, answer }];
    });
  }

  #entryOf(before: Model, request: Request, index = 0, count = 1): RequestEntry {
    const { expected } = react(structuredClone(before), request);
    return {
      kind: 'request',
      name: nameOf(request, before),
      sent: spell(request, before, (place) => this.#idsOf(place)),
      expected: `${describeExpected(expected)}${count > 1 ? ' if it comes first' : ''}`,
      atOnce: index > 0,
    };
  }

  async #answer(entry: RequestEntry): Promise<Answer> {
    try {
      entry.answer = await this.#tested.send(entry.sent);
      return entry.answer;
    } catch (thrown) {
      return this.#fail(String(thrown));
    }
  }

  /** Waits until nothing goes on but what is held, and asks how that ended. @returns the model that it agrees with */
  async #settle(models: readonly Model[]): Promise<Model> {
    const { service } = this.#tested;
    let left = models;
    for (const place of places()) {
      for (const [nth, { token }] of thingAt(models[0] ?? emptyModel(), place).operations.entries()) {
        if (token === undefined || this.#settled.has(token)) continue;
        const seen = left.flatMap((model) => {
          const operation = operationWith(model, token);
          return operation === undefined ? [] : [{ operation, instance: instanceAt(model, place) }];
        });
        if (seen.some(({ operation, instance }) => isWaiting(instance, operation))) continue;
        const held = seen.some(({ operation }) => operation.state === 'in progress');
        if (!(await service.untilQuiet(token, held))) this.#fail(`the operation ${token} does not end`);
        if (!service.isOver(token)) {
          left = left.filter((model) => operationWith(model, token)?.state === 'in progress');
          continue;
        }
        this.#settled.add(token);
        left = await this.#ask(left, {
          verb: 'last_operation',
          ...place,
          of: { place, nth },
        });
      }
    }
    const [model] = left;
    return model ?? this.#fail('an operation ended that nobody let end');
  }

  /** Asks what changes nothing. Only what is wrong is worth a line. @returns the models that agree with the answer */
  async #ask(models: readonly Model[], request: Request): Promise<Model[]> {
    const entry = this.#entryOf(models[0] ?? emptyModel(), request);
    const answer = await this.#answer(entry);
    const left = models.flatMap((model) => explain(model, [{ request, answer }]));
    if (left.length > 0) return left;
    this.entries.push(entry);
    return this.#fail('not how it is told afterwards');
  }

  /** What the service has: nothing for what is gone, and one login for each binding that is made. */
  #look(model: Model): void {
    const { service } = this.#tested;
    for (const place of places()) {
      const [instanceId, bindingId] = this.#idsOf(place);
      const { isGone } = thingAt(model, place);
      const count = service.countOf(instanceId, bindingId);
      const what = bindingId === undefined ? `instance ${place.instance}` : `a login of ${wordsOf(place)}`;
      if (isGone && count > 0) this.#fail(`the service still has ${what}`);
      const operation = latest(thingAt(model, place));
      const isBound = !isGone && operation?.type === 'bind' && operation.state === 'succeeded';
      if (isBound && count !== 1) this.#fail(`the service has not ${what}`);
    }
  }

  #fail(reason: string): never {
    throw new SequenceFailed(reason, [...this.entries]);
  }

  #idsOf({ instance, binding }: Place): [string, string?] {
    const id = this.#instances[instance] ?? '';
    return binding === undefined ? [id] : [id, this.#bindings[instance]?.[binding] ?? ''];
  }
}

function operationWith(model: Model, token: string): Operation | undefined {
  return operationsOf(model).find((operation) => operation.token === token);
}
