import type { Catalog, RenderDashboardUrl, ValidateParameters } from '../catalog/types.ts';
import type { Store } from '../store/types.ts';
import type { Events } from '../telemetry/events.ts';

/** What every use case is given; `start` puts it together. */
export interface UsecaseDeps {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly events: Events;
  readonly validateParameters: ValidateParameters;
  readonly renderDashboardUrl: RenderDashboardUrl;
  /** A new random password; see lib/password. */
  readonly newPassword: (length?: number) => string;
  readonly access: Access;
  readonly settings: UsecaseSettings;
}

/** What the HTTP side may look at outside Postgres: reads only, each with a short time limit (docs/architecture.md). */
export interface Access {
  /**
   * Whether a namespace exists and is not being deleted. True as well when the cluster does not answer in time: the
   * operation then finds out.
   */
  namespaceExists(cluster: string, namespace: string): Promise<boolean>;
  /**
   * The PersistentVolumeClaims of a namespace whose StorageClass does not let them grow. None as well when the cluster
   * does not answer in time: the operation then finds out.
   */
  fixedVolumes(cluster: string, namespace: string): Promise<FixedVolume[]>;
}

export interface FixedVolume {
  claim: string;
  /** Empty when it has none. */
  storageClass: string;
}

export interface UsecaseSettings {
  /** The cluster that new instances are placed on. */
  readonly clusterName: string;
  /** The namespace Chandler itself runs in; nothing is delivered there. */
  readonly ownNamespace?: string;
  /** How long a request without accepts_incomplete waits before its operation is cancelled. */
  readonly syncWaitMs: number;
  /** How long a request with accepts_incomplete waits for a verb that may be quick. */
  readonly quickWaitMs: number;
}
