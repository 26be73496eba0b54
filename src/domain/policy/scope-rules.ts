/** Where an object lies and what kind it is. */
import { everydayKinds } from './kinds.ts';
import { kindOf, textAt, told, unlessAllowed, valueAt } from './read-object.ts';
import type { PolicyQuestion, Rule, Violation } from './types.ts';

const keep = 'helm.sh/resource-policy';

export const scopeRule: Rule = (object, question) => {
  const kind = kindOf(object);
  const given = valueAt(object, 'metadata', 'namespace');
  const elsewhere =
    given === undefined || given === question.instance.namespace
      ? []
      : [{ says: `names another namespace (${told(given)})` }];
  const inside = isNamespaced(kind, question);
  return [...elsewhere, ...(inside ? kindRule(kind, question) : clusterRule(kind, object, question))];
};

/** What the cluster knows; what it does not know may be cluster-scoped when the plan says so. */
export function isNamespaced(kind: string, { isNamespaced: ask, policy }: PolicyQuestion): boolean {
  return ask(kind) ?? policy.clusterScoped?.includes(kind) !== true;
}

function kindRule(kind: string, { kinds, policy }: PolicyQuestion): Violation[] {
  if (kinds === 'written' || everydayKinds.includes(kind) || policy.kinds?.includes(kind) === true) return [];
  return [{ says: 'is of a kind that the plan does not list', unless: `policy.kinds: [${told(kind)}]` }];
}

function clusterRule(
  kind: string,
  object: Parameters<Rule>[0],
  { policy, instance }: PolicyQuestion,
): Violation[] {
  if (policy.clusterScoped?.includes(kind) !== true) {
    return [{ says: 'is cluster-scoped', unless: `policy.clusterScoped: [${told(kind)}]` }];
  }
  const says: string[] = [];
  // Another instance of the same plan would make the same object.
  if (!textAt(object, 'metadata', 'name').includes(instance.name)) {
    says.push(`is cluster-scoped, so its name must hold the name of the instance (${instance.name})`);
  }
  // What lies in the namespace goes with it in any case.
  if (valueAt(object, 'metadata', 'annotations', keep) !== undefined) {
    says.push(`is cluster-scoped and would be left behind (${keep})`);
  }
  return says.map((each) => ({ says: each }));
}

/** Hooks, and metadata by which an object would be kept, or taken for another's. */
export const metadataRule: Rule = (object, question) => {
  const { metadata } = object;
  const violations: Violation[] = [];
  if (question.hooks === 'refused' && valueAt(metadata, 'annotations', 'helm.sh/hook') !== undefined) {
    violations.push({ says: 'is a Helm hook, which only the mode release runs' });
  }
  // An owned object counts as made by a controller: nothing would look for it any more.
  for (const field of ['ownerReferences', 'uid', 'resourceVersion']) {
    if (isSet(valueAt(metadata, field))) violations.push({ says: `sets metadata.${field}` });
  }
  const finalizers = isSet(valueAt(metadata, 'finalizers')) ? ['sets finalizers'] : [];
  return [...violations, ...unlessAllowed(question, 'finalizers', finalizers)];
};

function isSet(value: ReturnType<typeof valueAt>): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}
