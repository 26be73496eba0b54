/**
 * Where the OSBAPI is silent or contradicts its clients, an admin may choose. One section of the configuration, with
 * the default that suits most clients, and other defaults for platforms that are known to need them.
 * docs/osbapi.md tells which item of the specification each of them is about.
 */
export const osbChoices = {
  /** What a request without X-Broker-API-Version gets: 412, which all suites expect, or the 400 that the text allows. */
  missingApiVersion: ['precondition-failed', 'bad-request'],
  /** Whether a malformed X-Broker-API-Originating-Identity is answered with 400 or dropped. */
  malformedOriginatingIdentity: ['refuse', 'ignore'],
  /** Whether a provision must name organization_guid and space_guid. */
  organizationAndSpace: ['required', 'optional'],
  /** What a repeated PUT gets after the operation failed: 409, or another try. */
  repeatAfterFailure: ['conflict', 'retry'],
  /** What the original PUT gets while its instance is updated: 202 with the update's operation, or 422. */
  provisionDuringUpdate: ['accept', 'refuse'],
  /** Whether a DELETE cancels a running update, or gets 422. */
  deprovisionDuringUpdate: ['cancel', 'refuse'],
  /** Whether a DELETE of an instance deletes its bindings first, or gets 422 as long as it has any. */
  deprovisionWithBindings: ['unbind', 'refuse'],
  /** What last_operation says after a deletion: 200 with `succeeded` for a day and 410 afterwards, or 410 at once. */
  pollAfterDeletion: ['succeeded', 'gone'],
  /** What fetching an instance gets while it is deleted: 422, or 404. */
  fetchDuringDeprovision: ['concurrency-error', 'not-found'],
  /** Whether a DELETE must name the service and plan that the instance has. */
  deleteWithOtherPlan: ['refuse', 'ignore'],
  /** Which of two faults an unbind names first: that there is no such binding, or that the query lacks its ids. */
  unbindUnknown: ['gone-first', 'ids-first'],
  /** Whether a bind waits while its instance is made or updated, if the platform can poll; else 422. */
  bindDuringOperation: ['wait', 'refuse'],
  /** Whether the parameters of an update replace those of the instance, or are laid over them. */
  updateParameters: ['replace', 'merge'],
  /** How `endpoints[].ports` of a binding are written; some clients know only numbers, some no endpoints at all. */
  endpoints: ['strings', 'numbers', 'omit'],
  /** Whether bindings carry `metadata` (expires_at, renew_before), which clients before 2.16 do not know. */
  bindingMetadata: ['send', 'omit'],
  /** Whether fetches return the parameters that a user sent. */
  fetchedParameters: ['send', 'omit'],
} as const;

/** One choice for each option. */
export type OsbOptions = {
  readonly [Option in keyof typeof osbChoices]: (typeof osbChoices)[Option][number];
};

export const osbDefaults: OsbOptions = {
  missingApiVersion: 'precondition-failed',
  malformedOriginatingIdentity: 'refuse',
  organizationAndSpace: 'required',
  repeatAfterFailure: 'conflict',
  provisionDuringUpdate: 'accept',
  deprovisionDuringUpdate: 'cancel',
  deprovisionWithBindings: 'unbind',
  pollAfterDeletion: 'succeeded',
  fetchDuringDeprovision: 'concurrency-error',
  deleteWithOtherPlan: 'refuse',
  unbindUnknown: 'gone-first',
  bindDuringOperation: 'wait',
  updateParameters: 'merge',
  endpoints: 'strings',
  bindingMetadata: 'send',
  fetchedParameters: 'send',
};

/**
 * What some platforms need other than the defaults, by the platform's name. Service Catalog, the usual client of the
 * platform `kubernetes`, always sends all parameters of an instance.
 */
export const platformDefaults: Readonly<Record<string, Partial<OsbOptions>>> = {
  kubernetes: { updateParameters: 'replace' },
};

/** The options for one platform: what an admin set for it, for all, what the platform needs, the defaults. */
export function osbOptionsFor(
  platform: string,
  set: Partial<OsbOptions> = {},
  setForPlatform: Partial<OsbOptions> = {},
): OsbOptions {
  return { ...osbDefaults, ...platformDefaults[platform], ...set, ...setForPlatform };
}
