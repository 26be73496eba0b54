import { isRefusal } from './answers.ts';
import { isText } from './json.ts';
import type { Draft, Exchange } from './wire/exchange.ts';

export interface PlanIds {
  serviceId: string;
  planId: string;
}

export interface Entry {
  instanceId: string;
  bindingId: string | undefined;
  /** Ids under which it may have been made, the likeliest first. */
  plans: PlanIds[];
  /** Whether every request to make it was refused with a 4xx, which leaves nothing behind. */
  refused: boolean;
  /** Whether the last request to make it got no answer: the broker may still be at it, and say 410 until it is done. */
  unanswered: boolean;
}

/**
 * Everything that the broker was asked to make, by what went over the wire, so that all of it can be taken away
 * whatever a check does and however the broker answers.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();

  /** Before a request goes out: it may take effect even if no answer comes. */
  sending({ endpoint, instanceId, bindingId, plan, body }: Draft): void {
    if (instanceId === undefined) return;
    const sent = typeof body === 'object' ? { serviceId: body.service_id, planId: body.plan_id } : {};
    const asSent = isText(sent.serviceId) && isText(sent.planId) ? [sent as PlanIds] : [];
    const plans = [...(plan === undefined ? [] : [plan]), ...asSent];
    if (endpoint === 'provision' || endpoint === 'bind') this.#note({ instanceId, bindingId }, plans);
    else if (endpoint === 'update') this.#mayBeOf({ instanceId, bindingId: undefined }, asSent);
  }

  #note(thing: Pick<Entry, 'instanceId' | 'bindingId'>, plans: PlanIds[]): void {
    if (this.#entries.has(keyOf(thing))) this.#mayBeOf(thing, plans);
    else this.#entries.set(keyOf(thing), { ...thing, plans, refused: true, unanswered: true });
  }

  #mayBeOf(thing: Pick<Entry, 'instanceId' | 'bindingId'>, plans: readonly PlanIds[]): void {
    const known = this.#entries.get(keyOf(thing));
    known?.plans.push(...plans.filter((plan) => !known.plans.some((one) => sameIds(one, plan))));
  }

  answered({ draft, answer }: Exchange): void {
    const { endpoint, instanceId, bindingId } = draft;
    if (instanceId === undefined) return;
    const known = this.#entries.get(keyOf({ instanceId, bindingId }));
    if (known === undefined) return;
    if (endpoint === 'provision' || endpoint === 'bind') {
      known.unanswered = answer === undefined;
      if (answer === undefined || !isRefusal({ answer })) known.refused = false;
    } else if ((endpoint === 'deprovision' || endpoint === 'unbind') && answer?.status === 410) {
      // The one sure sign that nothing is there, unless a request is still on its way.
      if (!known.unanswered) this.remove(known);
    }
  }

  remove(entry: Entry): void {
    this.#entries.delete(keyOf(entry));
  }

  /** Bindings before instances, as platforms unbind before they deprovision. */
  entries(): Entry[] {
    const all = [...this.#entries.values()];
    const isBinding = ({ bindingId }: Entry) => bindingId !== undefined;
    return [...all.filter(isBinding), ...all.filter((entry) => !isBinding(entry))];
  }
}

function sameIds(one: PlanIds, other: PlanIds): boolean {
  return one.serviceId === other.serviceId && one.planId === other.planId;
}

function keyOf({ instanceId, bindingId }: Pick<Entry, 'instanceId' | 'bindingId'>): string {
  return JSON.stringify([instanceId, bindingId]);
}
