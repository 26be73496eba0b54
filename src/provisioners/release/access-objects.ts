import type { Cluster, KubeObject } from '../../kube/types.ts';
import { digestOf } from '../apply-object.ts';
import { resourceName } from '../resource-state.ts';
import type { InstanceTarget } from '../types.ts';

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] };

const everyVerb = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const rbacGroup = 'rbac.authorization.k8s.io';

/** Name of the ServiceAccount that helm works on one resource with. */
export function accessName(target: { name: string }, resourceId: string): string {
  return `${resourceName(target, resourceId)}-helm`;
}

/** Whether an item of the inventory is that ServiceAccount: then there is a release. */
export function isAccess(
  { kind, name, resourceId }: { kind: string; name: string; resourceId: string },
  target: { name: string },
): boolean {
  return kind === 'ServiceAccount' && name === accessName(target, resourceId);
}

/** Whether an object says the name of a resource's access anywhere. */
export function namesAccess(object: KubeObject, target: { name: string }, resourceId: string): boolean {
  return new RegExp(`"${accessName(target, resourceId)}(-[0-9a-f]{8})?"`).test(JSON.stringify(object));
}

/**
 * A ServiceAccount for helm and what it may do: what the release is made of, its hooks and Helm's own records, in the
 * namespace of the instance and nowhere else. What may be done is part of the Role's name: so that of the release before
 * stands until helm has replaced or uninstalled what that one was made of.
 * @param objects everything helm is to apply
 * @throws KubeError
 */
export async function accessObjects(
  objects: readonly KubeObject[],
  target: Pick<InstanceTarget, 'name' | 'namespace'> & { cluster: Pick<Cluster, 'pluralOf'> },
  resourceId: string,
): Promise<KubeObject[]> {
  const { namespace } = target;
  const account = { name: accessName(target, resourceId), namespace };
  const rules = await rulesFor(objects, target.cluster);
  const name = `${account.name}-${digestOf(rules).slice(0, 8)}`;
  const role = { apiGroup: rbacGroup, kind: 'Role', name };
  const subject = { kind: 'ServiceAccount', ...account };
  const rbac = { apiVersion: `${rbacGroup}/v1`, metadata: { name, namespace } };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account, automountServiceAccountToken: false },
    { ...rbac, kind: 'Role', rules },
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
