import type { JsonObject, JsonValue } from '../lib/json.ts';

/** What the catalog tells platforms about a plan, in our spelling (OSBAPI "Service Plan Object"). */
export interface ServicePlan {
  id: string;
  name: string;
  description: string;
  free: boolean;
  bindable: boolean;
  metadata: JsonObject;
  maintenance?: MaintenanceInfo;
  schemas: PlanSchemas;
  /** Digest of the plan revision that new instances get. */
  revision: string;
}

/** What the catalog tells platforms about an offering (OSBAPI "Service Offering Object"). */
export interface ServiceOffering {
  id: string;
  name: string;
  description: string;
  tags: string[];
  metadata: JsonObject;
  plans: ServicePlan[];
}

export interface MaintenanceInfo {
  /** Semantic version 2.0. */
  version: string;
  description?: string;
}

/** Draft-04 JSON Schemas with `$schema`, as published and as used to validate. */
export interface PlanSchemas {
  provision: JsonObject;
  bind: JsonObject;
}

/**
 * The compiled, immutable definition that operations refer to by digest: everything needed to make, bind and remove
 * an instance, independent of the files it came from. Stored as JSON in Postgres.
 */
export interface PlanRevision {
  /** Digest over the canonical JSON of the rest, chart digests included. */
  digest: string;
  serviceId: string;
  planId: string;
  serviceName: string;
  planName: string;
  maintenanceVersion?: string;
  /** `set` of the plan: what expressions read as `plan`. */
  set: JsonObject;
  /** Defaults of parameters, laid under what the user sent. */
  parameterDefaults: JsonObject;
  schemas: PlanSchemas;
  generate: Record<string, GeneratorSpec>;
  /** In dependency order: each refers only to ids before it. */
  resources: ResourceSpec[];
  outputs: Record<string, JsonValue>;
  bind?: BindSpec;
  sync: SyncSpec;
  timeouts: Timeouts;
}

/** A value made once per instance and sealed in its row. */
export interface GeneratorSpec {
  password: { length: number };
}

/** One resource of the graph. The JSON leaves may hold `${...}` expressions. */
export type ResourceSpec =
  | { id: string; kind: 'secret'; data: Record<string, string>; readyWhen: string[] }
  | {
      id: string;
      kind: 'helm';
      /** Digest of the packed chart in the store. */
      chartDigest: string;
      chartName: string;
      values: JsonObject;
      readyWhen: string[];
    };

export interface BindSpec {
  engine: 'postgresql';
  /** Id of the secret resource that holds username and password of the server's admin. */
  admin: string;
  /** Maximum connections of one binding's role; -1 is no limit. */
  connectionLimit: number;
}

/** Which verbs finish within a request (docs/architecture.md). */
export interface SyncSpec {
  provision: boolean;
  deprovision: boolean;
  bind: boolean;
  unbind: boolean;
}

/** Longest duration of each operation, in seconds. */
export interface Timeouts {
  provision: number;
  deprovision: number;
  bind: number;
  unbind: number;
}
