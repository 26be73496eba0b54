/** What a chart may try, with what is said of it. The chart is charts/breaks; its plans are in catalog/policy.yaml. */
export interface PolicyCase {
  /** The value of the parameter `break`. */
  rule: string;
  /** What the refusal says, after kind and name of the object. */
  says: string;
  /** The plan that it breaks; `strict` when absent. */
  plan?: 'images' | 'loose';
  /** Whether the plan `loose` may do it. */
  allowed?: false;
}

const allowed = (allowance: string) => `(allowed by policy.allow: [${allowance}])`;
const rbac = 'rbac.authorization.k8s.io';

export const policyCases: readonly PolicyCase[] = [
  { rule: 'namespace', says: 'names another namespace (default)', allowed: false },
  { rule: 'hook', says: 'is a Helm hook, which only the mode release runs', allowed: false },
  {
    rule: 'kind',
    says: 'is of a kind that the plan does not list (allowed by policy.kinds: [networking.k8s.io/Ingress])',
  },
  {
    rule: 'cluster scope',
    says: `is cluster-scoped (allowed by policy.clusterScoped: [${rbac}/ClusterRole])`,
  },
  {
    rule: 'name in the cluster',
    says: 'is cluster-scoped, so its name must hold the name of the instance (i-',
    plan: 'loose',
    allowed: false,
  },
  {
    rule: 'kept in the cluster',
    says: 'is cluster-scoped and would be left behind (helm.sh/resource-policy)',
    plan: 'loose',
    allowed: false,
  },
  { rule: 'owner', says: 'sets metadata.ownerReferences', allowed: false },
  { rule: 'finalizers', says: `sets finalizers ${allowed('finalizers')}` },
  { rule: 'LoadBalancer', says: `is of type LoadBalancer ${allowed('LoadBalancer')}` },
  { rule: 'NodePort', says: `is of type NodePort ${allowed('NodePort')}` },
  { rule: 'ExternalName', says: `is of type ExternalName ${allowed('ExternalName')}` },
  {
    rule: 'externalIPs',
    says: `takes external addresses (externalIPs ["192.0.2.1"]) ${allowed('externalIPs')}`,
  },
  { rule: 'hostNetwork', says: `sets hostNetwork ${allowed('hostNetwork')}` },
  { rule: 'hostPID', says: `sets hostPID ${allowed('hostPID')}` },
  { rule: 'hostIPC', says: `sets hostIPC ${allowed('hostIPC')}` },
  { rule: 'hostPath', says: `mounts a path of the node (the hostPath volume root) ${allowed('hostPath')}` },
  {
    rule: 'hostPath in a CronJob',
    says: `mounts a path of the node (the hostPath volume root) ${allowed('hostPath')}`,
  },
  { rule: 'hostPorts', says: `takes the port 5432 of the node (the container main) ${allowed('hostPorts')}` },
  { rule: 'privileged', says: `runs the container main privileged ${allowed('privileged')}` },
  { rule: 'privileged init container', says: `runs the container first privileged ${allowed('privileged')}` },
  {
    rule: 'capabilities',
    says: `gives the container main the capabilities NET_ADMIN ${allowed('capabilities')}`,
  },
  { rule: 'wildcard rights', says: `gives rights by a wildcard (resources) ${allowed('wildcardRbac')}` },
  { rule: 'escalating rights', says: `gives the verb escalate ${allowed('escalatingRbac')}` },
  {
    rule: 'ClusterRole of others',
    says: 'binds the ClusterRole view (allowed by policy.clusterRoles: [view])',
  },
  {
    rule: 'ServiceAccount of others',
    says: `gives rights to the ServiceAccount default of another namespace (default) ${allowed('foreignSubjects')}`,
  },
  { rule: 'everybody', says: `gives rights to the Group system:authenticated ${allowed('foreignSubjects')}` },
  {
    rule: 'token',
    says: `asks for a ServiceAccount token that never ends ${allowed('serviceAccountTokens')}`,
  },
  { rule: 'Helm release', says: 'is a record of a Helm release', allowed: false },
  {
    rule: 'registry',
    says: 'uses the image postgres:17 from a registry that the plan does not list (allowed by policy.registries: [..., docker.io/library])',
    plan: 'images',
  },
  {
    rule: 'registry as a prefix',
    says: 'uses the image registry.example.com/databases-of-others/tool:1 from a registry that the plan does not list',
    plan: 'images',
  },
  {
    rule: 'image volume',
    says: 'uses the image docker.io/library/model:1 from a registry that the plan does not list',
    plan: 'images',
  },
  {
    rule: 'digest',
    says: 'uses the image registry.example.com/databases/tool:1 without a digest (@sha256:...)',
    plan: 'images',
  },
];
