import type { OsbOptions } from '../domain/osb-options.ts';
import type { JsonObject } from '../lib/json.ts';

/** Who calls: the platform that a credential speaks for. Instances of other platforms do not exist for it. */
export interface Caller {
  readonly platform: string;
  /** Namespaces it may touch: names or globs such as `team-*`. */
  readonly namespaces: readonly string[];
  /** The app namespace when the context names none; Korifi sends no context at all. */
  readonly defaultNamespace?: string;
  /** Whether Chandler writes a Secret and a ConfigMap for each binding, or leaves that to the platform. */
  readonly delivers: boolean;
  readonly options: OsbOptions;
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
  /** Whether nobody waits for the answer any more: the connection is gone. Asked at the end of the transaction. */
  isAbandoned?: () => boolean;
}

/** What an operation keeps of the request that it came from. */
export function originOf({ originatingIdentity }: ChangeRequest): Pick<ChangeRequest, 'originatingIdentity'> {
  return originatingIdentity === undefined ? {} : { originatingIdentity };
}
