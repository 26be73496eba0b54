/** The one way by which texts get into a report: without credentials. */
import type { Report } from '../check-broker.ts';
import type { Entry } from '../ledger.ts';
import { asAnswer, asCurl } from '../wire/as-curl.ts';
import type { Exchange } from '../wire/exchange.ts';
import { Mask } from '../wire/mask.ts';

/** Also hides what was sent as Authorization: a broker may send it back in the text of an error. */
class ReportMask extends Mask {
  readonly #learnt: Mask;

  constructor(learnt: Mask, exchanges: readonly Exchange[]) {
    const sent = new Set(exchanges.map(({ headers }) => headers.authorization ?? ''));
    super([...sent].map((value) => value.replace(/^\S+\s+/, '')));
    this.#learnt = learnt;
  }

  override text(text: string): string {
    return super.text(this.#learnt.text(text));
  }
}

export class Shown {
  readonly #mask: Mask;

  constructor(mask: Mask, exchanges: readonly Exchange[]) {
    this.#mask = new ReportMask(mask, exchanges);
  }

  text(text: string): string {
    return this.#mask.text(text);
  }

  headers(headers: Record<string, string>): Record<string, string> {
    return this.#mask.headers(headers);
  }

  /** The body of the answer. */
  body(exchange: Exchange): string {
    return this.#mask.body(exchange);
  }

  curl(exchange: Exchange): string {
    return this.text(asCurl(exchange, this.#mask));
  }

  /** The answer in a line. */
  answer(exchange: Exchange): string {
    return asAnswer(exchange, this.#mask);
  }

  /** @param exchange any one about the instance or binding */
  deletion({ plans: [plan] }: Entry, exchange: Exchange): string {
    const { draft, target } = exchange;
    const path = target.replace(/\?.*$/, '');
    const ids = plan === undefined ? {} : { service_id: plan.serviceId, plan_id: plan.planId };
    const query = new URLSearchParams({ accepts_incomplete: 'true', ...ids }).toString();
    const { 'content-type': _, ...headers } = exchange.headers;
    return this.curl({
      ...exchange,
      draft: { ...draft, method: 'DELETE' },
      target: `${draft.endpoint.startsWith('poll') ? path.replace(/\/last_operation$/, '') : path}?${query}`,
      headers,
      body: undefined,
    });
  }
}

export function shownOf({ mask, results, leftovers }: Pick<Report, 'mask' | 'results' | 'leftovers'>): Shown {
  return new Shown(mask, [
    ...results.flatMap(({ exchanges }) => exchanges),
    ...leftovers.map(({ last }) => last),
  ]);
}

/** A text with its control characters spelt out: a terminal obeys them, and XML may not hold them. */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(/[^\P{Cc}\n\t]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
