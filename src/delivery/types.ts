import type { DeliveredObject } from '../domain/binding.ts';
import type { Cluster } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

export interface DeliveryTarget {
  cluster: Cluster;
  namespace: string;
  /** `externalName` of the binding: name of the Secret and of the ConfigMap. */
  name: string;
  /** Identity labels (see lib/labels). */
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Service Binding type, for example `postgresql`. */
  type: string;
}

/** Idempotent; throws ChandlerError (`NamespaceMissing`, `AdoptionRefused`, `DeliveryRejected`, `ClusterUnreachable`). */
export interface Delivery {
  /**
   * Makes sure that the place of a delivery is free or ours, before anything is made that would be delivered there.
   * Changes nothing. @throws ChandlerError `AdoptionRefused`, `ClusterUnreachable`
   */
  assertClaimable(target: Omit<DeliveryTarget, 'type' | 'annotations'>): Promise<void>;
  deliver(target: DeliveryTarget, credentials: Redacted<JsonObject>): Promise<DeliveredObject[]>;
  /** Removes both; absent is success; what is not ours is left alone. */
  withdraw(target: Omit<DeliveryTarget, 'type' | 'annotations'>): Promise<void>;
  /** What of a delivery others changed or deleted; what is not ours is not looked into. Changes nothing. */
  differences(target: DeliveryTarget, credentials: Redacted<JsonObject>): Promise<DeliveryDifference[]>;
}

export interface DeliveryDifference {
  kind: DeliveredObject['kind'];
  /** Absent when the object is gone. */
  uid?: string;
  /** Entries of ours that are missing or changed. Names, never values. */
  keys: string[];
}
