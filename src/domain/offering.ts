import type { JsonObject, JsonValue } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { PlanPolicy } from './policy/types.ts';

/** What the catalog tells platforms about a plan, in our spelling (OSBAPI "Service Plan Object"). */
export interface ServicePlan {
  id: string;
  name: string;
  description: string;
  free: boolean;
  bindable: boolean;
  /** Whether an instance may move from this plan to another one. */
  planUpdateable: boolean;
  /** Whether a binding may succeed another one. */
  bindingRotatable: boolean;
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
  /** What the platform must grant bindings of this offering. */
  requires: Permission[];
  metadata: JsonObject;
  /** For the single sign-on of dashboards. */
  dashboardClient?: DashboardClient;
  plans: ServicePlan[];
}

/** The OAuth client that a platform makes for an offering's dashboards (OSBAPI profile, "Dashboard Client Object"). */
export interface DashboardClient {
  id: string;
  secret: Redacted<string>;
  redirectUri: string;
}

/** OSBAPI `requires`. */
export type Permission = 'syslog_drain' | 'route_forwarding' | 'volume_mount';

export interface MaintenanceInfo {
  /** Semantic version 2.0. */
  version: string;
  description?: string;
}

/** Draft-04 JSON Schemas with `$schema`, as published and as used to validate. */
export interface PlanSchemas {
  provision: JsonObject;
  /** Only the parameters that may change. */
  update: JsonObject;
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
  updates: UpdateRules;
  /** `${...}` over `plan`, `parameters` and `instance`; no output of the instance is known when it is needed. */
  dashboardUrl?: string;
  sync: SyncSpec;
  timeouts: Timeouts;
  /** What becomes of objects that somebody changed: put back, or, when absent, only told. */
  drift?: 'repair';
  /** What its objects may be, where the plan says so. */
  policy?: PlanPolicy;
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
      /** Something outside of clusters, made by the provisioner of that name. */
      kind: 'external';
      provisioner: string;
      inputs: JsonObject;
      readyWhen: string[];
    }
  | {
      id: string;
      kind: 'helm';
      /** Digest of the packed chart in the store. */
      chartDigest: string;
      chartName: string;
      values: JsonObject;
      /** The chart never runs `tpl`, so that values may hold template text. */
      freeOfTpl?: true;
      /** What becomes of the chart's CustomResourceDefinitions: left out, or made where they are missing. */
      crds?: 'skip' | 'apply';
      /** Made as a real release by helm; without it, rendered and applied by Chandler. */
      release?: ReleaseSpec;
      readyWhen: string[];
    }
  | {
      id: string;
      /** Objects as the plan writes them. One without a name is named after the resource. */
      kind: 'manifest';
      objects: JsonObject[];
      readyWhen: string[];
    }
  | {
      id: string;
      /** An object that something else makes in the instance's namespace, an operator for instance; only read. */
      kind: 'read';
      object: { apiVersion: string; kind: string; name: string };
      readyWhen: string[];
    };

/** How helm runs the release of a resource. */
export interface ReleaseSpec {
  /** Longest that each hook may take, in seconds. */
  hookTimeout: number;
  /** Revisions that Helm keeps. */
  history: number;
}

export interface BindSpec {
  /** Name of the credentials provider. */
  engine: string;
  /** Id of the secret resource that holds username and password of the server's admin, for engines that need one. */
  admin?: string;
  /** Maximum connections of one binding's role; -1 is no limit. */
  connectionLimit: number;
  /** Whether a binding may succeed another one (OSBAPI `binding_rotatable`). */
  rotatable: boolean;
  /** Whether only apps can be bound. */
  requiresApp: boolean;
  /** Seconds that credentials live; for ever when absent. */
  lifetime?: number;
  /** Seconds before the end of the lifetime from which on the platform should rotate. */
  renewBefore?: number;
  /** Expressions over what an instance's outputs may read, and `outputs` itself. */
  attachments: AttachmentSpec;
}

/** Templates of {@link BindingAttachments}. */
export interface AttachmentSpec {
  syslogDrainUrl?: string;
  routeServiceUrl?: string;
  volumeMounts?: JsonValue;
}

/** How instances of a plan may change. */
export interface UpdateRules {
  /** Whether an instance may move to another plan, or to which ones, by their names. */
  plan: boolean | string[];
  /** Parameters whose value (a quantity or number) may only grow. */
  growOnly: string[];
  /** Those of them that say how large volumes are. */
  volumes?: string[];
  /** What must hold of a change, where the plan says so. */
  rules?: UpdateRule[];
}

/** A condition of the plan's own over the parameters and plans before and after an update. */
export interface UpdateRule {
  /** One `${...}` over `old` and `new` (parameters), `oldPlan` and `newPlan` (names). */
  rule: string;
  /** What the user is told when it does not hold. */
  message: string;
}

/** Which verbs finish within a request (docs/architecture.md). */
export interface SyncSpec {
  provision: boolean;
  update: boolean;
  deprovision: boolean;
  bind: boolean;
  unbind: boolean;
}

/** Longest duration of each operation, in seconds. */
export interface Timeouts {
  provision: number;
  update: number;
  deprovision: number;
  bind: number;
  unbind: number;
  /** How long what hardly passes by itself may last before an operation is given up; `defaultTroubleSeconds` when absent. */
  trouble?: number;
}
