/**
 * What must hold of every history and of the world it ends in, whatever was killed, stopped or cut in between. A
 * request without an answer may have happened at any time after it was sent: it counts as a reason why something may
 * be gone, and never as a promise.
 */
import { about, answered, type Exchange, type History, isAcknowledged, removedAt } from './history.ts';
import type { World } from './world.ts';

type Invariant = (history: History, world: World) => string[];

/** How long after its deadline an operation may end: a lease that must run out first, a poll, and some work. */
const endMarginMs = 45_000;
const finalStates: unknown[] = ['succeeded', 'failed'];

const idsOf = (history: History) => [...new Set(history.exchanges.map(({ instanceId }) => instanceId))];

function bindingsOf(history: History): { instanceId: string; bindingId: string }[] {
  const found = new Map<string, { instanceId: string; bindingId: string }>();
  for (const { instanceId, bindingId } of history.exchanges) {
    if (bindingId !== undefined) found.set(bindingId, { instanceId, bindingId });
  }
  return [...found.values()];
}

/** I1: what was acknowledged is there, or was removed on request; what was acknowledged as removed is gone. */
function acknowledgedIsNeverLost(history: History, world: World): string[] {
  const lost: string[] = [];
  const known = new Set(world.operations.map(({ uid }) => uid));
  for (const { verb, instanceId, answer } of answered(history.exchanges)) {
    const { operation } = answer.body;
    if (verb === 'poll' || answer.status !== 202 || typeof operation !== 'string') continue;
    if (!known.has(operation)) lost.push(`${verb} of ${instanceId}: operation ${operation} has no row`);
  }
  for (const instanceId of idsOf(history)) {
    const asked = about(history, instanceId);
    const state = world.instances.findLast((row) => row.instanceId === instanceId)?.state;
    const problem = lostOf(asked, 'provision', 'deprovision', state, 'deprovisioned');
    if (problem !== undefined) lost.push(`instance ${instanceId}: ${problem}`);
  }
  for (const { instanceId, bindingId } of bindingsOf(history)) {
    const deprovisions = about(history, instanceId).filter(({ verb }) => verb === 'deprovision');
    const asked = about(history, instanceId, bindingId);
    const state = world.bindings.findLast((row) => row.bindingId === bindingId)?.state;
    const problem =
      deprovisions.length > 0 && !asked.some(({ verb }) => verb === 'unbind')
        ? undefined
        : lostOf(asked, 'bind', 'unbind', state, 'unbound');
    if (problem !== undefined) lost.push(`binding ${bindingId}: ${problem}`);
  }
  return lost;
}

function lostOf(
  asked: Exchange[],
  make: 'provision' | 'bind',
  remove: 'deprovision' | 'unbind',
  state: string | undefined,
  gone: string,
): string | undefined {
  const isMade = asked.some((exchange) => exchange.verb === make && isAcknowledged(exchange));
  const mayBeRemoved = asked.some(({ verb }) => verb === remove);
  if (isMade && state === undefined) return `${make} was acknowledged, and there is no row`;
  if (isMade && !mayBeRemoved && state === gone) return `it is ${gone}, and nobody asked for that`;
  const ended = removedAt(asked, remove);
  const madeAgain = asked.some(({ verb, sentAt }) => verb === make && ended !== undefined && sentAt > ended);
  if (ended !== undefined && !madeAgain && state !== undefined && state !== gone)
    return `${remove} was reported as complete, and its row says ${state}`;
  return undefined;
}

/** I2: nothing exists twice for one service instance or binding of a platform. */
function nothingIsMadeTwice(_history: History, world: World): string[] {
  const instanceIdOf = new Map(world.instances.map(({ uid, instanceId }) => [uid, instanceId]));
  const bindingIdOf = new Map(world.bindings.map(({ uid, bindingId }) => [uid, bindingId]));
  const keys = world.objects
    .filter(({ deleting }) => !deleting)
    .map(({ kind, instanceUid, bindingUid, resource }) =>
      bindingUid === ''
        ? `${kind} ${resource} of instance ${instanceIdOf.get(instanceUid) ?? instanceUid}`
        : `${kind} of binding ${bindingIdOf.get(bindingUid) ?? bindingUid}`,
    );
  const bindingOfLogin = new Map(world.bindings.map(({ login, bindingId }) => [login, bindingId]));
  keys.push(...world.logins.map((login) => `login of binding ${bindingOfLogin.get(login) ?? login}`));
  return [...Map.groupBy(keys, (key) => key)]
    .filter(([, same]) => same.length > 1)
    .map(([key, same]) => `${same.length} times: ${key}`);
}

/** I3: every object and every login belongs to a row that lives. */
function everythingOutsideHasARow(_history: History, world: World): string[] {
  const liveInstances = new Set(
    world.instances.filter(({ state }) => state !== 'deprovisioned').map(({ uid }) => uid),
  );
  const live = world.bindings.filter(({ state }) => state !== 'unbound');
  const liveBindings = new Set(live.map(({ uid }) => uid));
  const liveLogins = new Set(live.map(({ login }) => login));
  const objects = world.objects.filter(
    ({ deleting, instanceUid, bindingUid }) =>
      !deleting && (!liveInstances.has(instanceUid) || (bindingUid !== '' && !liveBindings.has(bindingUid))),
  );
  return [
    ...objects.map(({ kind, name }) => `${kind} ${name} has no row`),
    ...world.logins.filter((login) => !liveLogins.has(login)).map((login) => `login ${login} has no row`),
  ];
}

/** I4: once a client was told that the binding is gone, its login does not work. */
function noLoginOutlivesItsBinding(history: History, _world: World): string[] {
  return history.logins
    .filter(({ works, instanceId, bindingId, startedAt }) => {
      const ends = [
        removedAt(about(history, instanceId, bindingId), 'unbind'),
        removedAt(about(history, instanceId), 'deprovision'),
      ];
      return works && ends.some((end) => end !== undefined && end <= startedAt);
    })
    .map(({ bindingId }) => `the login of binding ${bindingId} works after its end`);
}

/** I5: an operation that ended stays as it ended, and what can be fetched does not vanish by itself. */
function finalStaysFinal(history: History, _world: World): string[] {
  const back: string[] = [];
  const polls = answered(history.exchanges).filter(
    ({ verb, operation }) => verb === 'poll' && operation !== undefined,
  );
  for (const [operation, asked] of Map.groupBy(polls, (poll) => poll.operation)) {
    const final = asked.find(
      ({ answer }) => answer.status === 200 && finalStates.includes(answer.body.state),
    );
    if (final === undefined) continue;
    for (const { sentAt, answer } of asked) {
      if (sentAt < final.answer.at || answer.status !== 200) continue;
      if (answer.body.state === final.answer.body.state) continue;
      back.push(
        `operation ${operation} went from ${JSON.stringify(final.answer.body.state)} to ${JSON.stringify(answer.body.state)}`,
      );
    }
  }
  for (const [path, asked] of Map.groupBy(
    history.exchanges,
    ({ instanceId, bindingId }) => bindingId ?? instanceId,
  )) {
    const fetched = answered(asked).filter(({ verb }) => verb === 'fetch');
    const seen = fetched.find(({ answer }) => answer.status === 200);
    const removal = Math.min(
      ...asked.filter(({ verb }) => verb === 'unbind' || verb === 'deprovision').map(({ sentAt }) => sentAt),
    );
    const vanished = fetched.find(
      ({ sentAt, answer }) =>
        seen !== undefined && sentAt >= seen.answer.at && answer.status === 404 && answer.at <= removal,
    );
    if (vanished !== undefined) back.push(`${path} was there, and then was not`);
  }
  return back;
}

/** I6: the same PUT again is no conflict, another one is; unless a DELETE may have come in between. */
function sameRequestSameAnswer(history: History, _world: World): string[] {
  const wrong: string[] = [];
  for (const exchange of answered(history.exchanges)) {
    const { verb, instanceId, bindingId, sentAt, answer } = exchange;
    if (verb !== 'provision' && verb !== 'bind' && verb !== 'conflicting provision') continue;
    const before = about(history, instanceId, bindingId).filter((other) => other !== exchange);
    const isPromised = before.some(
      (other) =>
        other.verb === (verb === 'bind' ? 'bind' : 'provision') &&
        isAcknowledged(other) &&
        (other.answer?.at ?? Number.POSITIVE_INFINITY) <= sentAt,
    );
    const mayBeRemoved = [...before, ...about(history, instanceId)].some(
      (other) => (other.verb === 'unbind' || other.verb === 'deprovision') && other.sentAt <= answer.at,
    );
    if (!isPromised || mayBeRemoved || answer.status >= 500) continue;
    const expected = verb === 'conflicting provision' ? [409] : [200, 201, 202];
    if (!expected.includes(answer.status)) {
      wrong.push(`${verb} of ${bindingId ?? instanceId} answered ${answer.status}`);
    }
  }
  return wrong;
}

/** I7: every operation ended, within its time. */
function everythingEnds(_history: History, world: World): string[] {
  return world.operations.flatMap(({ uid, type, state, finishedAt, deadline }) => {
    if (finishedAt === null) return [`${type} ${uid} is ${state} for ever`];
    const late = finishedAt.getTime() - deadline.getTime();
    return late > endMarginMs ? [`${type} ${uid} ended ${Math.round(late / 1000)} s after its deadline`] : [];
  });
}

/** I8: no secret in logs, in errors over HTTP, or in clear text in the database. */
function noSecretShows(history: History, world: World): string[] {
  const errors = answered(history.exchanges)
    .filter(({ answer }) => answer.status >= 400)
    .map(({ answer }) => JSON.stringify(answer.body));
  const texts = { ...world.texts, 'errors over HTTP': errors.join('\n') };
  return Object.entries(texts).flatMap(([where, text]) => {
    const shown = world.canaries.filter((canary) => text.includes(canary));
    return shown.length === 0 ? [] : [`${shown.length} secrets in ${where}`];
  });
}

const invariants: Record<string, Invariant> = {
  'I1 acknowledged is never lost': acknowledgedIsNeverLost,
  'I2 nothing is made twice': nothingIsMadeTwice,
  'I3 everything outside has a row': everythingOutsideHasARow,
  'I4 no login outlives its binding': noLoginOutlivesItsBinding,
  'I5 final stays final': finalStaysFinal,
  'I6 the same request gets the same answer': sameRequestSameAnswer,
  'I7 everything ends': everythingEnds,
  'I8 no secret shows': noSecretShows,
};

/** Every invariant that does not hold, with what shows it; empty when all do. */
export function brokenInvariants(history: History, world: World): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(invariants)
      .map(([name, check]) => [name, check(history, world)] as const)
      .filter(([, found]) => found.length > 0),
  );
}
