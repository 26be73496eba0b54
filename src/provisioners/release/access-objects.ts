import type { Cluster, KubeObject } from '../../kube/types.ts';
import { resourceName } from '../resource-state.ts';
import type { InstanceTarget } from '../types.ts';

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] };

const everyVerb = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const rbacGroup = 'rbac.authorization.k8s.io';

/** Name of what lets helm work on one resource; in the inventory, its ServiceAccount says that there is a release. */
export function accessName(target: { name: string }, resourceId: string): string {
  return `${resourceName(target, resourceId)}-helm`;
}

/**
 * A ServiceAccount for helm and what it may do: what the release is made of, its hooks and Helm's own records, in the
 * namespace of the instance and nowhere else.
 * @param objects everything helm is to apply
 * @throws KubeError
 */
export async function accessObjects(
  objects: readonly KubeObject[],
  target: Pick<InstanceTarget, 'name' | 'namespace'> & { cluster: Pick<Cluster, 'pluralOf'> },
  resourceId: string,
): Promise<KubeObject[]> {
  const metadata = { name: accessName(target, resourceId), namespace: target.namespace };
  const role = { apiGroup: rbacGroup, kind: 'Role', name: metadata.name };
  const subject = { kind: 'ServiceAccount', ...metadata };
  const rbac = { apiVersion: `${rbacGroup}/v1`, metadata };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { ...rbac, kind: 'Role', rules: await rulesFor(objects, target.cluster) },
    { ...rbac, kind: 'RoleBinding', roleRef: role, subjects: [subject] },
  ];
}

async function rulesFor(objects: readonly KubeObject[], cluster: Pick<Cluster, 'pluralOf'>): Promise<Rule[]> {
  const plurals = new Map<string, Set<string>>([
    // Helm keeps its records in Secrets, and looks at pods and Jobs of hooks.
    ['', new Set(['secrets', 'pods'])],
  ]);
  for (const { apiVersion, kind } of objects) {
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
    const known = plurals.get(group) ?? new Set();
    plurals.set(group, known.add(await cluster.pluralOf({ apiVersion, kind })));
  }
  const rules = [...plurals].sort().map(([group, resources]) => ({
    apiGroups: [group],
    resources: [...resources].sort(),
    // A role was checked by the policy before helm sees it; helm itself holds none of what it gives.
    verbs: group === rbacGroup ? [...everyVerb, 'escalate'] : everyVerb,
  }));
  return [...rules, ...bindRules(objects)];
}

/** To refer to a role takes the right to bind it, or all that it gives. */
function bindRules(objects: readonly KubeObject[]): Rule[] {
  const names = objects.flatMap(({ kind, roleRef }) =>
    kind === 'RoleBinding' ? [(roleRef as { name?: string } | undefined)?.name ?? ''] : [],
  );
  if (names.length === 0) return [];
  const resources = ['clusterroles', 'roles'];
  return [{ apiGroups: [rbacGroup], resources, verbs: ['bind'], resourceNames: [...new Set(names)].sort() }];
}
