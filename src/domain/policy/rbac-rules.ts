/** Rights that a chart gives: none that grow by themselves, and none to anybody outside of the namespace. */
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { kindOf, objectsAt, textsAt, told, unlessAllowed, valueAt } from './read-object.ts';
import type { PolicyQuestion, Rule, Violation } from './types.ts';

const group = 'rbac.authorization.k8s.io';
const growing = ['escalate', 'bind', 'impersonate'];

export const rbacRule: Rule = (object, question) => {
  switch (kindOf(object)) {
    case `${group}/Role`:
    case `${group}/ClusterRole`:
      return roleRule(object, question);
    case `${group}/RoleBinding`:
    case `${group}/ClusterRoleBinding`:
      return [...roleRefRule(object, question), ...subjectsRule(object, question)];
    case 'Secret':
      return tokenRule(object, question);
    default:
      return [];
  }
};

function roleRule(object: JsonObject, question: PolicyQuestion): Violation[] {
  const rules = objectsAt(object, 'rules');
  const wild = ['apiGroups', 'resources', 'verbs', 'nonResourceURLs']
    .filter((field) => rules.some((rule) => textsAt(rule, field).some((text) => text.includes('*'))))
    .map((field) => `gives rights by a wildcard (${field})`);
  // What it comes to is decided by whoever labels a ClusterRole.
  if (valueAt(object, 'aggregationRule') !== undefined) wild.push('gathers the rights of other ClusterRoles');
  const verbs = growing.filter((verb) => rules.some((rule) => textsAt(rule, 'verbs').includes(verb)));
  const grown = verbs.length > 0 ? [`gives the verb ${verbs.join(', ')}`] : [];
  const labels = valueAt(object, 'metadata', 'labels');
  const isGathered = Object.keys(isJsonObject(labels) ? labels : {}).some((label) =>
    label.startsWith(`${group}/aggregate-to-`),
  );
  if (isGathered) grown.push('adds to the rights of other ClusterRoles');
  return [
    ...unlessAllowed(question, 'wildcardRbac', wild),
    ...unlessAllowed(question, 'escalatingRbac', grown),
  ];
}

/** A ClusterRole whose name holds that of the instance is one that the instance made; it was checked by itself. */
function roleRefRule(object: JsonObject, { policy, instance }: PolicyQuestion): Violation[] {
  const [kind, name] = [valueAt(object, 'roleRef', 'kind'), valueAt(object, 'roleRef', 'name')];
  if (kind !== 'ClusterRole' || typeof name !== 'string') return [];
  if (name.includes(instance.name) || policy.clusterRoles?.includes(name) === true) return [];
  return [{ says: `binds the ClusterRole ${told(name)}`, unless: `policy.clusterRoles: [${told(name)}]` }];
}

function subjectsRule(object: JsonObject, question: PolicyQuestion): Violation[] {
  const own = question.instance.namespace;
  const foreign = objectsAt(object, 'subjects').filter(
    ({ kind, namespace }) => kind !== 'ServiceAccount' || (namespace ?? own) !== own,
  );
  const says = foreign.map(({ kind, namespace, name }) => {
    const who = `${told(kind)} ${told(name)}`;
    return kind === 'ServiceAccount'
      ? `gives rights to the ${who} of another namespace (${told(namespace)})`
      : `gives rights to the ${who}`;
  });
  return unlessAllowed(question, 'foreignSubjects', says);
}

function tokenRule(object: JsonObject, question: PolicyQuestion): Violation[] {
  // Forged, it would tell helm what to delete.
  if (object.type === 'helm.sh/release.v1') return [{ says: 'is a record of a Helm release' }];
  if (object.type !== 'kubernetes.io/service-account-token') return [];
  return unlessAllowed(question, 'serviceAccountTokens', ['asks for a ServiceAccount token that never ends']);
}
