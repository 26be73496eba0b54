/** Takes away what the checks asked a broker to make. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf } from './answers.ts';
import type { Entry, Ledger, PlanIds } from './ledger.ts';
import type { Platform } from './platforms/platform.ts';
import { endToldBy, operationOf } from './poll-to-end.ts';
import type { Client } from './wire/client.ts';
import type { Draft, Exchange } from './wire/exchange.ts';

/** Something that may still exist. */
export interface Leftover {
  entry: Entry;
  /** The last DELETE or poll for it. */
  last: Exchange;
}

export interface CleanUpOptions {
  client: Client;
  platform: Platform;
  pollMs: number;
  /** For each instance or binding. */
  patienceMs: number;
  /** Aborted when the user interrupts: what takes longer than a moment is then left over. */
  signal: AbortSignal;
  seen(exchange: Exchange): void;
}

/** Answers that may change when another operation is over. */
const worthWaitingFor = new Set([408, 409, 422, 429]);
/** How often a DELETE that is refused for good is sent under each plan. */
const refusalsPerPlan = 3;
/** How many faults, 5xx or no answer, one after the other end the trying. */
const mostFaults = 5;
/** After so many things in a row that could not be removed, the others are tried only once. */
const mostGivenUp = 3;
const longestPauseMs = 5000;
/** How long removing one thing may take after an interrupt. */
const patienceWhenInterruptedMs = 15_000;
/** How long a broker may need to finish a request that nobody waits for any more. */
const longestSecondLookMs = 5000;

/** Of one run: what several lanes clean up, one after the other or at a time. */
export class CleanUp {
  readonly #how: CleanUpOptions;
  readonly #doubtful: Entry[] = [];
  #givenUp = 0;

  constructor(how: CleanUpOptions) {
    this.#how = how;
  }

  /** Bindings first, then instances, one after the other. @returns what could not be taken away */
  async clean(ledger: Ledger): Promise<Leftover[]> {
    const leftovers: Leftover[] = [];
    for (const entry of ledger.entries()) {
      const last = await this.#remove(entry);
      this.#givenUp = last === undefined ? 0 : this.#givenUp + 1;
      if (last !== undefined) leftovers.push({ entry, last });
      else if (entry.unanswered) this.#doubtful.push(entry);
    }
    return leftovers;
  }

  /**
   * Looks again for what a request without an answer may have made in the meantime; to be called when all is done.
   * @returns what was there, and could not be taken away
   */
  async lookAgain(): Promise<Leftover[]> {
    if (this.#doubtful.length === 0) return [];
    await sleep(Math.min(longestSecondLookMs, this.#how.pollMs * 50));
    const leftovers: Leftover[] = [];
    for (const entry of this.#doubtful) {
      const last = await this.#remove(entry);
      if (last !== undefined) leftovers.push({ entry, last });
    }
    return leftovers;
  }

  /**
   * Deletes until the broker says that nothing is there (410), or says twice that it is done. What is refused is tried
   * again under each plan that it may have been made with, since another operation may be under way.
   * @returns the last exchange, when the thing may still be there
   */
  async #remove(entry: Entry): Promise<Exchange | undefined> {
    const { pollMs, seen, client } = this.#how;
    const started = Date.now();
    const isLate = () => Date.now() > started + this.#patienceMs();
    let done = 0;
    let refused = 0;
    let faults = 0;
    for (let round = 0; ; round += 1) {
      const plan = entry.plans[round % entry.plans.length];
      const exchange = await client.exchange(this.#deletion(entry, plan));
      seen(exchange);
      const status = exchange.answer?.status ?? 0;
      if (status === 410) return undefined;
      const last = status === 202 ? await this.#poll(exchange, entry, plan, isLate) : exchange;
      // 404 is not what the specification wants here, but it says that nothing is there.
      if (status === 200 || status === 404 || succeeded(last)) done += 1;
      else if (status >= 400 && status < 500 && !worthWaitingFor.has(status)) refused += 1;
      faults = status === 0 || status >= 500 ? faults + 1 : 0;
      if (done === 2) return undefined;
      const isHopeless = refused >= refusalsPerPlan * entry.plans.length || faults === mostFaults;
      if (isLate() || isHopeless || this.#givenUp >= mostGivenUp) {
        return entry.refused && !entry.unanswered ? undefined : last;
      }
      await sleep(Math.min(pollMs * 2 ** Math.max(0, round - entry.plans.length), longestPauseMs));
    }
  }

  #patienceMs(): number {
    const { patienceMs, signal } = this.#how;
    if (this.#givenUp >= mostGivenUp) return 0;
    return signal.aborted ? Math.min(patienceMs, patienceWhenInterruptedMs) : patienceMs;
  }

  async #poll(
    begun: Exchange,
    entry: Entry,
    plan: PlanIds | undefined,
    isLate: () => boolean,
  ): Promise<Exchange> {
    const { client, seen, pollMs } = this.#how;
    const operation = operationOf(begun.answer?.json);
    const deletion = this.#deletion(entry, plan);
    for (;;) {
      const exchange = await client.exchange({
        ...deletion,
        method: 'GET',
        endpoint: entry.bindingId === undefined ? 'poll instance' : 'poll binding',
        polled: entry.bindingId === undefined ? 'deprovision' : 'unbind',
        path: `${deletion.path}/last_operation`,
        query: { operation, ...idsOf(plan) },
      });
      seen(exchange);
      if (!inProgress(exchange) || isLate()) return exchange;
      await sleep(pollMs);
    }
  }

  #deletion({ instanceId, bindingId }: Entry, plan: PlanIds | undefined): Draft {
    const instance = `/v2/service_instances/${encodeURIComponent(instanceId)}`;
    const endpoint = bindingId === undefined ? ('deprovision' as const) : ('unbind' as const);
    return {
      endpoint,
      method: 'DELETE',
      path:
        bindingId === undefined ? instance : `${instance}/service_bindings/${encodeURIComponent(bindingId)}`,
      query: { accepts_incomplete: 'true', ...idsOf(plan) },
      headers: this.#how.platform.headers(endpoint),
      instanceId,
      ...(bindingId === undefined ? {} : { bindingId }),
    };
  }
}

function idsOf(plan: PlanIds | undefined): Record<string, string | undefined> {
  return { plan_id: plan?.planId, service_id: plan?.serviceId };
}

function inProgress({ answer }: Exchange): boolean {
  return answer?.status === 200 && fieldOf({ answer }, 'state') === 'in progress';
}

function succeeded({ answer }: Exchange): boolean {
  if (answer?.status === 410) return true;
  return answer?.status === 200 && endToldBy({ answer })?.state === 'succeeded';
}
