/** What a provisioner knows of the instance it works for. */
import type { Helm } from '../helm/types.ts';
import type { Cluster, KubeObject } from '../kube/types.ts';
import type { Identity } from '../lib/labels.ts';

export interface InstanceTarget {
  cluster: Cluster;
  helm: Helm;
  /** Path of a packed chart on disk, fetched from the store by digest. */
  chartPath: (digest: string) => Promise<string>;
  identity: Identity;
  /** `externalName` of the instance. */
  name: string;
  namespace: string;
  annotations: Record<string, string>;
}

/** An object to be applied, with the id of the resource it came from. */
export interface DesiredObject {
  resourceId: string;
  object: KubeObject;
}
