/** What to tell a user who will not wait for the clean-up. */
import { type Entry, Ledger } from '../../conformance/ledger.ts';
import { printable, Shown } from '../../conformance/report/shown.ts';
import type { Exchange } from '../../conformance/wire/exchange.ts';
import type { Mask } from '../../conformance/wire/mask.ts';

export class MayBeLeft {
  readonly #ledger = new Ledger();
  readonly #exchanges = new Map<string, Exchange>();

  saw(exchange: Exchange): void {
    const { instanceId, bindingId } = exchange.draft;
    if (instanceId === undefined) return;
    this.#exchanges.set(keyOf({ instanceId, bindingId }), exchange);
    this.#ledger.sending(exchange.draft);
    this.#ledger.answered(exchange);
  }

  /** A DELETE for everything that was asked for and that the broker has not called gone, as curl lines. */
  lines(mask: Mask): string[] {
    const shown = new Shown(mask, [...this.#exchanges.values()]);
    return this.#ledger.entries().flatMap((entry) => {
      const exchange = this.#exchanges.get(keyOf(entry));
      return exchange === undefined ? [] : [printable(shown.deletion(entry, exchange))];
    });
  }
}

function keyOf({
  instanceId,
  bindingId,
}: Pick<Entry, 'instanceId'> & { bindingId?: string | undefined }): string {
  return JSON.stringify([instanceId, bindingId]);
}
