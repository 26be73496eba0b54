/** The report for programs: `chandler check --json`. */
import type { Report } from '../check-broker.ts';
import type { Result } from '../types.ts';
import type { Exchange } from '../wire/exchange.ts';
import { type Summary, summaryOf } from './judgement.ts';
import { type Shown, shownOf } from './shown.ts';

/** Version 1: fields may be added to it, none changes its meaning or goes. */
export interface JsonReport {
  version: 1;
  url: string;
  /** `specification` unless --platform names one. */
  platform: string;
  /** `service/plan`. */
  plans: string[];
  /** RFC 3339. */
  startedAt: string;
  milliseconds: number;
  /** Whether a signal ended the run; checks that it had not come to have no result. */
  interrupted: boolean;
  requests: number;
  summary: Summary;
  results: JsonResult[];
  /** What may still exist. */
  leftovers: JsonLeftover[];
}

interface JsonResult extends Pick<Result, 'id' | 'items' | 'level' | 'group' | 'title' | 'outcome'> {
  /** null where the plan does not matter */
  plan: string | null;
  /** Why it did not pass. */
  message: string | null;
  milliseconds: number;
  /** Of failed and blocked ones, and with --verbose of all; the deciding one last. */
  exchanges: JsonExchange[];
}

interface JsonExchange {
  /** Names of headers are in lower case; `path` has the query; bodies are texts as sent, with credentials masked. */
  request: { method: string; path: string; headers: Record<string, string>; body: string | null };
  response: { status: number; headers: Record<string, string>; body: string } | null;
  /** Why there is no response. */
  fault: string | null;
  milliseconds: number;
  /** Sends the request again; needs BROKER (scheme and host) and AUTH (name:password) in the environment. */
  curl: string;
}

interface JsonLeftover {
  instanceId: string;
  /** null: it is an instance */
  bindingId: string | null;
  /** The last answer to its DELETE, or to a poll for it. */
  answer: string;
  /** Deletes it. */
  curl: string;
}

export function jsonReport(report: Report, { verbose }: { verbose: boolean }): string {
  const shown = shownOf(report);
  const { platform, startedAt, milliseconds, interrupted, requests, results, leftovers } = report;
  const document: JsonReport = {
    version: 1,
    url: shown.text(report.url),
    platform,
    plans: report.plans.map((plan) => shown.text(plan)),
    startedAt: startedAt.toISOString(),
    milliseconds,
    interrupted,
    requests,
    summary: summaryOf(results),
    results: results.map((result) => resultOf(result, shown, verbose)),
    leftovers: leftovers.map(({ entry, last }) => ({
      instanceId: shown.text(entry.instanceId),
      bindingId: textOrNull(entry.bindingId, shown),
      answer: shown.answer(last),
      curl: shown.deletion(entry, last),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function resultOf(result: Result, shown: Shown, verbose: boolean): JsonResult {
  const { id, items, level, group, title, outcome, milliseconds } = result;
  const telling = verbose || outcome === 'failed' || outcome === 'blocked';
  return {
    ...{ id, items, level, group, title },
    plan: textOrNull(result.plan, shown),
    outcome,
    message: textOrNull(result.message, shown),
    milliseconds,
    exchanges: telling ? result.exchanges.map((exchange) => exchangeOf(exchange, shown)) : [],
  };
}

function exchangeOf(exchange: Exchange, shown: Shown): JsonExchange {
  const { draft, target, headers, body, answer, fault, milliseconds } = exchange;
  return {
    request: {
      method: draft.method,
      path: shown.text(target),
      headers: shown.headers(headers),
      body: textOrNull(body, shown),
    },
    response:
      answer === undefined
        ? null
        : { status: answer.status, headers: shown.headers(answer.headers), body: shown.body(exchange) },
    fault: textOrNull(fault, shown),
    milliseconds,
    curl: shown.curl(exchange),
  };
}

function textOrNull(text: string | undefined, shown: Shown): string | null {
  return text === undefined ? null : shown.text(text);
}
