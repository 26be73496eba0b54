/** What a random sequence is made of. */
import fc from 'fast-check';
import type { Request } from './expectations.ts';
import {
  bindingCount,
  type Fate,
  instanceAt,
  isBindable,
  type Model,
  type Plan,
  places,
  running,
  thingAt,
  type Verdict,
} from './model.ts';
import { canPerform, type Deed, heldPlaces, type Sequence, type World } from './world.ts';

/** A request as it is generated: what it needs of the model is filled in when it is sent. */
type Draft =
  | Extract<Request, { verb: 'provision' | 'update' }>
  | (Omit<Extract<Request, { verb: 'deprovision' }>, 'plan'> & Planned)
  | (Omit<Extract<Request, { verb: 'unbind' }>, 'plan'> & Planned)
  | (Omit<Extract<Request, { verb: 'bind' }>, 'plan' | 'predecessor'> & Planned)
  | { verb: 'rotate'; instance: number; binding: number; nthPredecessor: number; polls: boolean }
  | Extract<Request, { verb: 'fetch' }>
  | (Omit<Extract<Request, { verb: 'last_operation' }>, 'of'> & { nthToken?: number });

/** Whether it names the plan that the instance has, or the other one. */
interface Planned {
  isOtherPlan: boolean;
}

/** What a command does, before it meets the model. */
type Plot =
  | {
      kind: 'send';
      /** At once, when there are several. */
      drafts: Draft[];
      fate: Fate;
      /** Also where most requests would only be told that nothing is there. */
      evenIfPointless: boolean;
      /** An operation that is held until the requests are on their way. */
      finish?: { nth: number; verdict: Verdict };
    }
  | { kind: 'again'; nth: number; fate: Fate }
  | { kind: 'finish'; nth: number; verdict: Verdict };

class Step implements fc.AsyncCommand<Sequence, World> {
  readonly #plot: Plot;

  constructor(plot: Plot) {
    this.#plot = plot;
  }

  check(sequence: Readonly<Sequence>): boolean {
    const deed = deedOf(this.#plot, sequence.model, sequence.history);
    return deed !== undefined && canPerform(sequence, deed);
  }

  async run(sequence: Sequence, world: World): Promise<void> {
    const deed = deedOf(this.#plot, sequence.model, sequence.history);
    if (deed !== undefined) await world.perform(sequence, deed);
  }

  toString(): string {
    return JSON.stringify(this.#plot);
  }
}

function deedOf(plot: Plot, model: Model, history: readonly Request[]): Deed | undefined {
  switch (plot.kind) {
    case 'send': {
      const { drafts, fate, evenIfPointless, finish } = plot;
      if (!evenIfPointless && drafts.every((draft) => isPointless(draft, model))) return undefined;
      const requests = drafts.map((draft) => complete(draft, model));
      const place = finish === undefined ? undefined : nth(heldPlaces(model), finish.nth);
      if (finish === undefined || place === undefined) return { requests, fate };
      return { requests, fate, finish: { place, verdict: finish.verdict } };
    }
    case 'again': {
      const request = nth(history, plot.nth);
      return request === undefined ? undefined : { requests: [request], fate: plot.fate };
    }
    case 'finish': {
      const place = nth(heldPlaces(model), plot.nth);
      return place === undefined ? undefined : { requests: [], finish: { place, verdict: plot.verdict } };
    }
  }
}

/** Whether there is nothing that could be asked, or an instance that failed and can only be deleted. */
function isPointless(draft: Draft, model: Model): boolean {
  const instance = instanceAt(model, draft);
  switch (draft.verb) {
    case 'provision':
      return false;
    case 'update':
    case 'bind':
    case 'rotate':
      return instance.isGone || (!isBindable(instance) && running(instance) === undefined);
    case 'deprovision':
    case 'unbind':
    case 'fetch':
    case 'last_operation':
      return thingAt(model, draft).isGone;
  }
}

function nth<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % list.length];
}

function complete(draft: Draft, model: Model): Request {
  switch (draft.verb) {
    case 'provision':
    case 'update':
    case 'fetch':
      return draft;
    case 'deprovision':
    case 'unbind': {
      const { isOtherPlan, ...request } = draft;
      return { ...request, plan: planOf(draft, model) };
    }
    case 'bind': {
      const { isOtherPlan, ...request } = draft;
      return { ...request, plan: planOf(draft, model) };
    }
    case 'rotate': {
      const { nthPredecessor, ...request } = draft;
      const { bindings } = instanceAt(model, draft);
      const there = bindings.flatMap(({ isGone }, at) => (isGone ? [] : [at]));
      const predecessor = nth(there, nthPredecessor) ?? nthPredecessor % bindingCount;
      return { ...request, verb: 'bind', predecessor };
    }
    case 'last_operation': {
      const { nthToken, ...request } = draft;
      const known = places().flatMap((place) =>
        thingAt(model, place).operations.flatMap(({ token }, nth) =>
          token === undefined ? [] : [{ place, nth }],
        ),
      );
      const of = nthToken === undefined ? undefined : nth(known, nthToken);
      return of === undefined ? request : { ...request, of };
    }
  }
}

function planOf(draft: Planned & { instance: number }, model: Model): Plan {
  const { plan } = instanceAt(model, draft);
  if (!draft.isOtherPlan) return plan;
  return plan === 'quick' ? 'slow' : 'quick';
}

/** The first value is the one that a counterexample is shrunk to. */
function weighted<T>(...values: readonly (readonly [T, number])[]): fc.Arbitrary<T> {
  return fc.oneof(
    { withCrossShrink: true },
    ...values.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })),
  );
}

const instance = weighted([0, 5], [1, 1]);
const binding = weighted([0, 4], [1, 2], [2, 1]);
const plan = weighted<Plan>(['slow', 1], ['quick', 1]);
const note = weighted(['one', 3], ['two', 1]);
const role = weighted<string | undefined>([undefined, 3], ['writer', 1]);
const isOtherPlan = weighted([false, 9], [true, 1]);
const verdict = weighted<Verdict>(['works', 4], ['refuses', 1], ['breaks', 1]);
const anyFate = weighted<Fate>(['works', 8], ['holds', 5], ['refuses', 1], ['breaks', 1]);
const index = fc.nat({ max: 20 });

/** @param polls whether the platform can poll */
function drafts(instance: fc.Arbitrary<number>, polls: fc.Arbitrary<boolean>): fc.Arbitrary<Draft> {
  const unless = <T>(absent: number, present: readonly (readonly [T, number])[]) =>
    weighted<T | undefined>([undefined, absent], ...present);
  const provision = fc.record({ verb: fc.constant('provision' as const), instance, plan, note, polls });
  const update = fc
    .record({
      verb: fc.constant('update' as const),
      instance,
      polls,
      plan: unless<Plan>(3, [
        ['slow', 1],
        ['quick', 1],
      ]),
      note: unless(1, [
        ['one', 3],
        ['two', 4],
      ]),
    })
    .map(({ plan, note, ...rest }) => ({
      ...rest,
      ...(plan === undefined ? {} : { plan }),
      ...(note === undefined ? {} : { note }),
    }));
  const deprovision = fc.record({
    verb: fc.constant('deprovision' as const),
    instance,
    polls,
    isOtherPlan,
  });
  const bind = fc
    .record({ verb: fc.constant('bind' as const), instance, binding, role, polls, isOtherPlan })
    .map(({ role, ...rest }) => ({ ...rest, ...(role === undefined ? {} : { role }) }));
  const rotate = fc.record({
    verb: fc.constant('rotate' as const),
    instance,
    binding,
    nthPredecessor: index,
    polls,
  });
  const unbind = fc.record({ verb: fc.constant('unbind' as const), instance, binding, polls, isOtherPlan });
  const somewhere = fc
    .record({ instance, binding: fc.option(binding, { nil: undefined }) })
    .map(({ instance, binding }) => ({ instance, ...(binding === undefined ? {} : { binding }) }));
  const fetch = somewhere.map((place) => ({ verb: 'fetch' as const, ...place }));
  const poll = fc
    .record({ place: somewhere, nthToken: fc.option(index, { nil: undefined }) })
    .map(({ place, nthToken }) => ({
      verb: 'last_operation' as const,
      ...place,
      ...(nthToken === undefined ? {} : { nthToken }),
    }));
  return fc.oneof(
    { arbitrary: provision, weight: 4 },
    { arbitrary: update, weight: 6 },
    { arbitrary: deprovision, weight: 2 },
    { arbitrary: bind, weight: 8 },
    { arbitrary: rotate, weight: 3 },
    { arbitrary: unbind, weight: 6 },
    { arbitrary: fetch, weight: 3 },
    { arbitrary: poll, weight: 3 },
  );
}

/** Requests that meet each other: of one instance, by platforms that can poll. Alone, they are shrunk to. */
const meeting = fc
  .tuple(instance, fc.array(drafts(instance, fc.constant(true)), { minLength: 1, maxLength: 3, size: 'max' }))
  .map(([instance, met]) => met.map((draft) => ({ ...draft, instance })));
const alone = drafts(instance, weighted([true, 4], [false, 1])).map((draft) => [draft]);
const evenIfPointless = weighted([true, 1], [false, 12]);

const plots: fc.Arbitrary<Plot> = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      drafts: alone,
      fate: anyFate,
      evenIfPointless,
    }),
    weight: 10,
  },
  {
    arbitrary: fc
      .record({
        drafts: meeting,
        fate: weighted<Fate>(['works', 2], ['holds', 6], ['refuses', 1], ['breaks', 1]),
        evenIfPointless,
        finish: fc.option(fc.record({ nth: index, verdict }), { nil: undefined }),
      })
      .map(({ finish, ...race }) => ({
        kind: 'send' as const,
        ...race,
        ...(finish === undefined ? {} : { finish }),
      })),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant('finish' as const), nth: index, verdict }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('again' as const), nth: index, fate: anyFate }), weight: 2 },
);

/** Each ends after at most so many commands, about half of which find something to do. */
export function sequences(longest: number) {
  return fc.commands([plots.map((plot) => new Step(plot))], { maxCommands: longest, size: 'max' });
}
