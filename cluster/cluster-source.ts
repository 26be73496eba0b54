/** Hides where a Kubernetes cluster comes from, so that tests and the quickstart need not care. */

/** Told what happens, one short sentence at a time; lines come at least every 15 seconds while work goes on. */
export type Progress = (message: string) => void;

/** What a client needs to use a cluster. */
export interface ClusterAccess {
  /** An admin's kubeconfig. */
  kubeconfigPath: string;
  /** `direct`: this machine reaches Services and pods by their addresses. Otherwise through the API server. */
  reach: 'direct' | 'port-forward';
  /** The API server's audit log, one JSON event per line, where we can read it. */
  auditLogPath?: string;
  /** Brings a docker-archive tar to the nodes, where that is possible. */
  importImage?: (tarPath: string) => Promise<void>;
}

/** The state of one part of a cluster. */
export interface ComponentStatus {
  name: string;
  healthy: boolean;
  detail: string;
}

/** The state of a cluster, as `status` shows it. */
export interface ClusterStatus {
  healthy: boolean;
  components: ComponentStatus[];
  /** Undefined when nothing was brought up. */
  kubeconfigPath?: string;
  auditLogPath?: string;
}

/** One place a cluster can come from. */
export interface ClusterSource {
  readonly name: string;
  /** True when the cluster runs and is healthy. Quick, changes nothing. */
  isUp(): Promise<boolean>;
  /** Brings up or mends what is missing; returns at once when nothing is. */
  up(progress: Progress): Promise<ClusterAccess>;
  /** Removes all that `up` made; does nothing to a cluster that was given to us. */
  down(progress: Progress): Promise<void>;
  status(): Promise<ClusterStatus>;
}

/** A sentence for the user: something this machine lacks or refuses. Shown without a stack. */
export class ClusterError extends Error {
  override name = 'ClusterError';
}
