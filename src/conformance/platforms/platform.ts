import type { JsonObject } from '../json.ts';
import type { PlanOnOffer } from '../plan-on-offer.ts';
import type { Endpoint } from '../wire/exchange.ts';

export const platformNames = ['cloudfoundry', 'kubernetes', 'korifi'] as const;
export type PlatformName = (typeof platformNames)[number];

/** The place in the platform that an instance belongs to. Made anew for each run, as ids; names are for people. */
export interface Place {
  organizationId: string;
  spaceId: string;
  /** Kubernetes: the namespace that credentials are wanted in. */
  namespace: string;
  /** Laid over the context that the platform sends. */
  context: JsonObject;
}

export interface InstanceFacts {
  name: string;
  place: Place;
  plan: PlanOnOffer;
  parameters: JsonObject | undefined;
}

export interface UpdateFacts extends InstanceFacts {
  /** The plan after the update; undefined leaves the plan alone. */
  target: PlanOnOffer | undefined;
}

export interface BindingFacts {
  place: Place;
  instanceName: string;
  appId: string;
  plan: PlanOnOffer;
  parameters: JsonObject | undefined;
}

export interface Request {
  query?: Record<string, string | undefined>;
  body?: JsonObject;
}

/**
 * What a platform sends for each call. `undefined` in a query leaves the parameter out.
 * Sources: the code of each platform; field by field in docs/checker.md.
 */
export interface Platform {
  name: PlatformName | 'specification';
  headers(endpoint: Endpoint): Record<string, string | undefined>;
  provision(facts: InstanceFacts): Request;
  update(facts: UpdateFacts): Request;
  deprovision(plan: PlanOnOffer): Request;
  bind(facts: BindingFacts): Request;
  unbind(plan: PlanOnOffer): Request;
  /** @param plan the plan as the platform knows it while it polls */
  poll(plan: PlanOnOffer, operation: string | undefined): Request;
  /** GET of an instance or binding. */
  fetch(plan: PlanOnOffer): Request;
  /** The plan that it names when it polls for an update: before it (specification) or after it. */
  pollsUpdateWith: 'old plan' | 'new plan';
}
