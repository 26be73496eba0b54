import type { JsonObject } from '../lib/json.ts';

/** Who calls: the platform that a credential speaks for. Instances of other platforms do not exist for it. */
export interface Caller {
  readonly platform: string;
  /** Namespaces it may touch: names or globs such as `team-*`. */
  readonly namespaces: readonly string[];
}

/** The user behind a request, as the platform names it (OSBAPI "Originating Identity"). For the audit trail alone. */
export interface OriginatingIdentity {
  platform: string;
  value: JsonObject;
}

/** What every request that changes something carries. */
export interface ChangeRequest {
  /** Whether the platform can poll (query `accepts_incomplete=true`). */
  acceptsIncomplete: boolean;
  originatingIdentity?: OriginatingIdentity;
}
