import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

/** The life of a service binding. `unbound` rows are tombstones. */
export type BindingState = 'binding' | 'bind failed' | 'bound' | 'unbinding' | 'unbind failed' | 'unbound';

/**
 * How a failed bind leaves its row. Whoever has credentials was bound before and may use them still: what failed was to
 * make them once more, and nothing of them may be taken back.
 */
export function afterFailedBind(binding: Pick<ServiceBinding, 'credentials'> | undefined): BindingState {
  return binding?.credentials === undefined ? 'bind failed' : 'bound';
}

export interface BindingKey {
  platform: string;
  instanceId: string;
  bindingId: string;
}

export interface ServiceBinding extends BindingKey {
  /** Row identity (UUID), also the value of the binding label on every object. */
  uid: string;
  instanceUid: string;
  incarnation: number;
  serviceId: string;
  planId: string;
  state: BindingState;
  appGuid?: string;
  context: JsonObject;
  parameters: JsonObject;
  /** Login name in the engine, and prefix of the delivered objects' names. */
  externalName: string;
  /** Made and sealed before the role exists, so that a crash cannot lose it. */
  password: Redacted<string>;
  /** The complete OSBAPI credentials; present once bound. */
  credentials?: Redacted<JsonObject>;
  /** What Cloud Foundry gets beside credentials, when the offering `requires` it; present once bound. */
  attachments?: Redacted<BindingAttachments>;
  /** The binding that this one succeeds (rotation). */
  predecessorBindingId?: string;
  /** When the credentials stop working, and from when on the platform should rotate them. */
  expiresAt?: Date;
  renewBefore?: Date;
  /** Where the Secret and ConfigMap are delivered; absent when they are not. */
  delivery?: { cluster: string; namespace: string };
  /** Login and delivery were in use before this row was written. */
  adopted?: true;
  createdAt: Date;
  updatedAt: Date;
}

/** Secret or ConfigMap of a delivery, as it was last applied. */
export interface DeliveredObject {
  kind: 'Secret' | 'ConfigMap';
  uid: string;
  resourceVersion: string;
}

/** Log drain, route service and volumes of a binding (OSBAPI "Types of Binding"). */
export interface BindingAttachments {
  syslogDrainUrl?: string;
  /** Begins with `https:`. */
  routeServiceUrl?: string;
  volumeMounts?: VolumeMount[];
}

export interface VolumeMount {
  driver: string;
  containerDir: string;
  mode: 'r' | 'rw';
  deviceType: 'shared';
  device: { volumeId: string; mountConfig?: JsonObject };
}
