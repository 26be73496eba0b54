/** What a provisioner knows of the instance it works for. */
import type { PlanPolicy } from '../domain/policy/types.ts';
import type { Helm } from '../helm/types.ts';
import type { Cluster, KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
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
  /** Further ones for the namespace. */
  namespaceAnnotations: Record<string, string>;
  /** What the plan may make beyond what every plan may. */
  policy?: PlanPolicy;
}

/** An object to be applied, with the id of the resource it came from. */
export interface DesiredObject {
  resourceId: string;
  object: KubeObject;
  /** helm applies it, as part of a release or as a hook, which comes and goes; Chandler does when absent. */
  by?: 'helm' | 'hook';
}

/** A resource outside of clusters, as the plan and the instance have it. */
export interface ExternalResource {
  /** Name of the resource outside: unique among all instances. */
  name: string;
  /** What the plan says, with its expressions evaluated. */
  inputs: JsonObject;
}

/**
 * The port of a resource kind that is not made of Kubernetes objects. Every method may run again after a crash at any
 * point, and throws ChandlerError.
 */
export interface ExternalProvisioner {
  /** One idempotent step towards what the inputs say. */
  apply(resource: ExternalResource): Promise<void>;
  /** Looks only. `pollAfterMs` says when to look again, since no watch tells of changes. */
  observe(name: string): Promise<ExternalState>;
  /** What expressions read under the resource's id, beside `name`. */
  outputs(name: string): Promise<JsonObject>;
  /** Called again while it is `deleting`; `observe` then says when. What never existed is gone. */
  remove(name: string): Promise<'gone' | 'deleting'>;
}

export type ExternalState =
  | { kind: 'ready' }
  | { kind: 'waiting'; message: string; pollAfterMs: number }
  | { kind: 'failed'; message: string };
