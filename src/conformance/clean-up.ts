/** Takes away what the checks asked a broker to make. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject } from './json.ts';
import type { Entry, Ledger, PlanIds } from './ledger.ts';
import type { Platform } from './platforms/platform.ts';
import { operationOf } from './tools.ts';
import type { Client } from './wire/client.ts';
import type { Draft, Exchange } from './wire/exchange.ts';

/** Something that may still exist. */
export interface Leftover {
  entry: Entry;
  /** The last DELETE or poll for it. */
  last: Exchange;
}

export interface CleanUp {
  client: Client;
  platform: Platform;
  pollMs: number;
  /** For each instance or binding. */
  patienceMs: number;
  seen(exchange: Exchange): void;
}

/** Bindings first, then instances, one after the other. @returns what could not be taken away */
export async function cleanUp(ledger: Ledger, how: CleanUp): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  for (const entry of ledger.entries()) {
    const last = await remove(entry, ledger, how);
    if (last !== undefined) leftovers.push({ entry, last });
  }
  return leftovers;
}

/** Answers that may change when another operation is over. */
const worthWaitingFor = new Set([408, 409, 422, 429]);
/** How often a DELETE that is refused for good is sent under each plan. */
const refusalsPerPlan = 3;

/**
 * Deletes until the broker says that nothing is there (410), or says twice that it is done. What is refused is tried
 * again under each plan that it may have been made with, since another operation may be under way.
 */
async function remove(entry: Entry, ledger: Ledger, how: CleanUp): Promise<Exchange | undefined> {
  const deadline = Date.now() + how.patienceMs;
  let done = 0;
  let refused = 0;
  for (let round = 0; ; round += 1) {
    const plan = entry.plans[round % entry.plans.length];
    const exchange = await how.client.exchange(deletion(entry, plan, how.platform));
    how.seen(exchange);
    ledger.answered(exchange);
    const status = exchange.answer?.status ?? 0;
    if (status === 410) return undefined;
    const last = status === 202 ? await poll(exchange, entry, plan, how, deadline) : exchange;
    // 404 is not what the specification wants here, but it says that nothing is there.
    if (status === 200 || status === 404 || succeeded(last)) done += 1;
    else if (status >= 400 && status < 500 && !worthWaitingFor.has(status)) refused += 1;
    if (done === 2) return undefined;
    if (Date.now() > deadline || refused >= refusalsPerPlan * entry.plans.length) {
      return entry.refused ? undefined : last;
    }
    await sleep(Math.min(how.pollMs * 2 ** Math.max(0, round - entry.plans.length), longestPauseMs));
  }
}

const longestPauseMs = 5000;

async function poll(
  begun: Exchange,
  entry: Entry,
  plan: PlanIds | undefined,
  how: CleanUp,
  deadline: number,
): Promise<Exchange> {
  const operation = operationOf(begun.answer?.json);
  for (;;) {
    const draft = {
      ...deletion(entry, plan, how.platform),
      method: 'GET' as const,
      endpoint: entry.bindingId === undefined ? ('poll instance' as const) : ('poll binding' as const),
      polled: entry.bindingId === undefined ? ('deprovision' as const) : ('unbind' as const),
    };
    const exchange = await how.client.exchange({
      ...draft,
      path: `${draft.path}/last_operation`,
      query: { operation, ...idsOf(plan) },
    });
    how.seen(exchange);
    if (!inProgress(exchange) || Date.now() > deadline) return exchange;
    await sleep(how.pollMs);
  }
}

function deletion({ instanceId, bindingId }: Entry, plan: PlanIds | undefined, platform: Platform): Draft {
  const instance = `/v2/service_instances/${encodeURIComponent(instanceId)}`;
  const endpoint = bindingId === undefined ? ('deprovision' as const) : ('unbind' as const);
  return {
    endpoint,
    method: 'DELETE',
    path:
      bindingId === undefined ? instance : `${instance}/service_bindings/${encodeURIComponent(bindingId)}`,
    query: { accepts_incomplete: 'true', ...idsOf(plan) },
    headers: platform.headers(endpoint),
    instanceId,
    ...(bindingId === undefined ? {} : { bindingId }),
  };
}

function idsOf(plan: PlanIds | undefined): Record<string, string | undefined> {
  return { plan_id: plan?.planId, service_id: plan?.serviceId };
}

function inProgress({ answer }: Exchange): boolean {
  return answer?.status === 200 && isObject(answer.json) && answer.json.state === 'in progress';
}

function succeeded({ answer }: Exchange): boolean {
  if (answer?.status === 410) return true;
  return answer?.status === 200 && isObject(answer.json) && answer.json.state === 'succeeded';
}
