/** What a plan's objects may be, beyond what every plan may have (docs/catalog.md, "Policy"). */
import type { JsonObject } from '../../lib/json.ts';

/** What no plan may have unless it says so, by the name that `policy.allow` says it with. */
export const allowances = [
  'LoadBalancer',
  'NodePort',
  'ExternalName',
  'externalIPs',
  'baseline',
  'hostPath',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'hostPorts',
  'privileged',
  'capabilities',
  'wildcardRbac',
  'escalatingRbac',
  'foreignSubjects',
  'serviceAccountTokens',
  'finalizers',
] as const;
export type Allowance = (typeof allowances)[number];

/** `policy` of a plan. Kinds are `group/Kind`, those of the core group `Kind`. */
export interface PlanPolicy {
  /** Kinds within the namespace, beside those that every plan may make. */
  kinds?: string[];
  /** Cluster-scoped kinds that the plan may make; the names of such objects hold the instance's name. */
  clusterScoped?: string[];
  /** ClusterRoles of others that role bindings may refer to. */
  clusterRoles?: string[];
  allow?: Allowance[];
  /** Where every image must come from: a registry, or a path below one. */
  registries?: string[];
  /** Whether every image must be named by its digest. */
  requireDigest?: boolean;
}

/** What the rules know beside the objects themselves. */
export interface PolicyQuestion {
  policy: PlanPolicy;
  instance: { name: string; namespace: string };
  /** Whether Helm hooks are refused, or objects like others. */
  hooks: 'refused' | 'checked';
  /** Whether only listed kinds may be made, or any in the namespace because the plan itself has them written in it. */
  kinds: 'listed' | 'written';
  /** Whether a kind (`group/Kind`) is namespaced; undefined when nobody knows, and then the plan's word counts. */
  isNamespaced: (kind: string) => boolean | undefined;
}

/** Something that an object has and may not have. */
export interface Violation {
  /** Goes on after kind and name: `is of type LoadBalancer`. */
  says: string;
  /** What the plan would have to say to have it: `policy.allow: [LoadBalancer]`; absent when nothing helps. */
  unless?: string;
}

/** Pure: what one object breaks. Objects are as a chart made them: nothing about their shape is certain. */
export type Rule = (object: JsonObject, question: PolicyQuestion) => Violation[];
