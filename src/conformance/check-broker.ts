/** The conformance checker: everything that `chandler check` does but reading its arguments and writing its report. */
import { randomUUID } from 'node:crypto';
import { allChecks } from './checks/all.ts';
import { CleanUp, type Leftover } from './clean-up.ts';
import type { JsonObject } from './json.ts';
import { judgeRules } from './judge-rules.ts';
import { smallestAllowed } from './parameters.ts';
import { choosePlans, plansOnOffer } from './plan-on-offer.ts';
import { platformOf } from './platforms/all.ts';
import type { Place, PlatformName } from './platforms/platform.ts';
import { allRules } from './rules/all.ts';
import { type Listener, runChecks } from './run-checks.ts';
import { ofPlatform, type Selection, selected } from './selection.ts';
import { catalogDraft, type Seed } from './subject.ts';
import type { Run } from './tools.ts';
import type { Result } from './types.ts';

import { type ClientOptions, createClient } from './wire/client.ts';
import type { Answered, Exchange } from './wire/exchange.ts';
import { Mask } from './wire/mask.ts';

export interface CheckOptions extends ClientOptions, Selection {
  platform: PlatformName | undefined;
  /** Names or ids, see {@link choosePlans}; none: the first plan that can be bound. */
  plans: readonly string[];
  parameters: JsonObject | undefined;
  /** One for each update, in turns; none: what the schema suggests. */
  updateParameters: readonly JsonObject[];
  bindParameters: JsonObject | undefined;
  /** Laid over the context that the platform sends. */
  context: JsonObject;
  namespace: string;
  /** How long one operation may take; none: the plan's maximum_polling_duration, at most 10 minutes. */
  operationMs: number | undefined;
  pollMs: number;
  parallel: number;
  raceWidth: number;
}

export interface Report {
  url: string;
  platform: string;
  plans: string[];
  /** In the order of the list of checks, plan by plan. */
  results: Result[];
  /** What could not be taken away again. */
  leftovers: Leftover[];
  interrupted: boolean;
  requests: number;
  startedAt: Date;
  milliseconds: number;
  mask: Mask;
}

/** The broker cannot be checked at all. */
export class CannotCheck extends Error {
  override name = 'CannotCheck';
}

const longestOperationMs = 600_000;

/**
 * Checks a broker and takes away what that made, also when it is interrupted.
 * @param signal interrupts: no further request but those that clean up
 * @throws CannotCheck when the catalog cannot be read
 * @throws NoSuchPlan for a plan that is not in it
 */
export async function checkBroker(
  options: CheckOptions,
  listener: Listener,
  signal: AbortSignal = new AbortController().signal,
): Promise<Report> {
  const startedAt = new Date();
  const started = performance.now();
  const client = await createClient(options);
  const platform = platformOf(options.platform);
  const mask = new Mask([options.password, options.token].filter((secret) => secret !== undefined));
  const log: Exchange[] = [];
  const seen = (exchange: Exchange): void => {
    mask.learn(exchange);
    log.push(exchange);
    listener.exchanged(exchange);
  };
  try {
    const catalog = await client.exchange(catalogDraft(platform));
    seen(catalog);
    const plans = plansOnOffer(catalog.answer?.json);
    if (catalog.answer?.status !== 200 || plans.length === 0) throw new CannotCheck(whyNot(catalog, mask));
    const chosen = choosePlans(plans, options.plans);
    mask.leaveReadable([
      options.url.host,
      options.url.hostname,
      ...chosen.flatMap(({ label, serviceId, planId }) => [...label.split('/'), serviceId, planId]),
    ]);
    const seeds = chosen.map(
      (plan): Seed => ({
        platform,
        place: placeOf(options),
        plan,
        parameters: options.parameters ?? orNone(smallestAllowed(plan.schemas.provision)),
        bindParameters: options.bindParameters ?? orNone(smallestAllowed(plan.schemas.bind)),
      }),
    );
    const operationMs =
      options.operationMs ??
      Math.min(
        longestOperationMs,
        ...chosen.map(({ maximumPollingSeconds = 600 }) => maximumPollingSeconds * 1000),
      );
    const settings = {
      operationMs,
      pollMs: options.pollMs,
      raceWidth: options.raceWidth,
      updateParameters: options.updateParameters,
    };
    const run: Run = { client, platform, catalog, plans, settings, signal, seen };
    const rules = selected(ofPlatform(allRules, options.platform), options);
    // Rules for all answers need all requests, also those of checks that nobody wants a verdict of.
    const possible = ofPlatform(allChecks, options.platform);
    const wanted = selected(possible, options);
    const checks = wanted.length === 0 ? possible : wanted;
    const { results, leftovers, complete } = await runChecks(run, seeds, checks, {
      parallel: options.parallel,
      listener,
      cleanUp: new CleanUp({
        client,
        platform,
        pollMs: options.pollMs,
        patienceMs: operationMs,
        signal,
        seen,
      }),
    });
    const answered = log.filter((exchange): exchange is Answered => exchange.answer !== undefined);
    const ruled = judgeRules(rules, answered);
    for (const result of ruled) listener.finished(result);
    return {
      url: options.url.href,
      platform: platform.name,
      plans: chosen.map(({ label }) => label),
      results: inOrder(
        [...results.filter(({ id }) => wanted.some((check) => check.id === id)), ...ruled],
        chosen.map(({ label }) => label),
      ),
      leftovers,
      interrupted: !complete,
      requests: log.length,
      startedAt,
      milliseconds: Math.round(performance.now() - started),
      mask,
    };
  } finally {
    await client.close();
  }
}

function orNone(parameters: JsonObject | undefined): JsonObject | undefined {
  return parameters === undefined || Object.keys(parameters).length === 0 ? undefined : parameters;
}

function placeOf({ namespace, context }: CheckOptions): Place {
  return { organizationId: randomUUID(), spaceId: randomUUID(), namespace, context };
}

function whyNot({ answer, fault }: Exchange, mask: Mask): string {
  if (answer === undefined) return `The broker does not answer: ${mask.text(fault ?? '')}`;
  if (answer.status === 401)
    return 'The broker refuses the credentials (401): see --username, and --password-file or CHANDLER_CHECK_PASSWORD.';
  if (answer.status !== 200) {
    const elsewhere =
      answer.headers.location === undefined ? '' : ` (to ${mask.text(answer.headers.location)})`;
    return `GET /v2/catalog is answered ${answer.status}${elsewhere}: is the URL the broker's base, without /v2?`;
  }
  return 'The catalog has no service plan with an id, so there is nothing to check.';
}

/** @returns the results as the list of checks has them; runs are parallel and end in any order */
function inOrder(results: Result[], plans: readonly string[]): Result[] {
  const order = [...allChecks, ...allRules].map(({ id }) => id);
  const rank = ({ id, plan }: Result) =>
    (plan === undefined ? 0 : plans.indexOf(plan)) + order.indexOf(id) * (plans.length + 1);
  return results.sort((one, other) => rank(one) - rank(other));
}
