import type { JsonObject } from '../lib/json.ts';
import { objectsAt, textAt } from './json-at.ts';

export interface Readiness {
  status: 'current' | 'in-progress' | 'failed' | 'terminating';
  /** Progress text for a person; holds no credential. */
  message: string;
  /**
   * Set on a claim that is not bound: with WaitForFirstConsumer it binds only once a pod uses it, so whoever orders
   * resources must not hold that pod back.
   */
  dependentsMayStart?: true;
}

export const current = (message: string): Readiness => ({ status: 'current', message });
export const inProgress = (message: string): Readiness => ({ status: 'in-progress', message });
export const failed = (message: string): Readiness => ({ status: 'failed', message });

export function condition(object: JsonObject, type: string): JsonObject | undefined {
  return objectsAt(object, 'status', 'conditions').find((each) => each.type === type);
}

/** Message of a condition, else its reason, else a text of ours. */
export function conditionText(found: JsonObject, otherwise: string): string {
  return textAt(found, 'message') || textAt(found, 'reason') || otherwise;
}
