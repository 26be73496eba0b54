/** What clients of a broker asked, were told and tried; times are of one monotonic clock, in milliseconds. */
import type { JsonObject } from '../../../src/lib/json.ts';

export type Verb =
  | 'provision'
  /** A PUT of an instance that exists, of another plan. */
  | 'conflicting provision'
  | 'bind'
  | 'unbind'
  | 'deprovision'
  | 'poll'
  | 'fetch';

export interface Exchange {
  verb: Verb;
  instanceId: string;
  /** Of requests about a binding. */
  bindingId?: string;
  /** The token that a poll asked with. */
  operation?: string;
  sentAt: number;
  /** Without it the outcome is unknown: it may have happened at any time since, and may still happen. */
  answer?: { at: number; status: number; body: JsonObject };
}

/** A try to log in with the credentials of a binding. */
export interface LoginTry {
  instanceId: string;
  bindingId: string;
  startedAt: number;
  works: boolean;
}

export interface History {
  exchanges: Exchange[];
  logins: LoginTry[];
}

export type Answered = Exchange & Required<Pick<Exchange, 'answer'>>;

export function answered(exchanges: readonly Exchange[]): Answered[] {
  return exchanges.filter((exchange): exchange is Answered => exchange.answer !== undefined);
}

export function isAcknowledged({ answer }: Exchange): boolean {
  return answer !== undefined && [200, 201, 202].includes(answer.status);
}

/** Requests about the instance itself, or about one binding. */
export function about(history: History, instanceId: string, bindingId?: string): Exchange[] {
  return history.exchanges.filter(
    (exchange) => exchange.instanceId === instanceId && exchange.bindingId === bindingId,
  );
}

/**
 * When a client was first told that the removal is complete: by the DELETE itself, by a poll of its operation, or by
 * 410.
 */
export function removedAt(
  exchanges: readonly Exchange[],
  verb: 'unbind' | 'deprovision',
): number | undefined {
  const tokens = new Set<unknown>();
  const times: number[] = [];
  for (const { verb: asked, operation, answer } of answered(exchanges)) {
    if (asked === verb && answer.status === 202) tokens.add(answer.body.operation);
    if (asked === verb && [200, 410].includes(answer.status)) times.push(answer.at);
    if (asked !== 'poll' || !tokens.has(operation)) continue;
    if (answer.status === 410 || answer.body.state === 'succeeded') times.push(answer.at);
  }
  return times.length === 0 ? undefined : Math.min(...times);
}
