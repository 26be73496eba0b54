import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

/** The life of a service instance. `deprovisioned` rows are tombstones. */
export type InstanceState =
  | 'provisioning'
  | 'provision failed'
  | 'ready'
  | 'updating'
  | 'update failed'
  | 'deprovisioning'
  | 'deprovision failed'
  | 'deprovisioned';

/** The key that a platform knows. Two platforms may use the same id. */
export interface InstanceKey {
  platform: string;
  instanceId: string;
}

export interface ServiceInstance extends InstanceKey {
  /** Row identity (UUID), also the value of the instance label on every object. */
  uid: string;
  incarnation: number;
  serviceId: string;
  planId: string;
  planRevision: string;
  state: InstanceState;
  /** False when the last update or deprovision failed and left it unfit for use (OSBAPI `instance_usable`). */
  usable: boolean;
  organizationGuid: string;
  spaceGuid: string;
  context: JsonObject;
  /** What the user sent, without defaults. */
  parameters: JsonObject;
  generated: Redacted<GeneratedValues>;
  /** Prefix of every object's name; see lib/names. */
  externalName: string;
  cluster: string;
  /** Namespace that holds the instance's objects. */
  namespace: string;
  /** Namespace of the app named by the context, when there is one and the credential allows it. */
  contextNamespace?: string;
  /** Filled when the provision succeeded: what the plan's `outputs` came to. Not secret. */
  outputs: JsonObject;
  /** Where a person manages the instance; known from the first answer on. */
  dashboardUrl?: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Generated values by generator id, for example `{ admin: { password: '...' } }`. */
export type GeneratedValues = Record<string, { password: string }>;
