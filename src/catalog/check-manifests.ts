// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What a schema cannot say about objects that a plan writes itself. */
import { isCustomKind } from '../lib/custom-kind.ts';
import type { Complaint } from '../lib/explain-issues.ts';
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import type { CheckedTemplate } from './check-templates.ts';
import type { PlanDefinition } from './offering-file.ts';

/** What stands between a list of objects and a resource that works. */
export function checkManifests(
  { manifests, readyWhen }: PlanDefinition['resources'][number],
  path: (string | number)[],
): Complaint[] {
  if (manifests === undefined) return [];
  const at = (index: number) => (manifests.isOne ? [...path, 'manifest'] : [...path, 'manifests', index]);
  const seen = new Set<string>();
  return manifests.objects.flatMap((object, index) => {
    const { metadata } = object;
    const [apiVersion, kind] = [textOf(object.apiVersion), textOf(object.kind)];
    const name = isJsonObject(metadata) ? metadata.name : undefined;
    const complaints: Complaint[] = [];
    const identity = JSON.stringify([apiVersion, kind, name]);
    if (seen.has(identity)) {
      const message = `there are two objects of kind ${kind} with this name; give them names of their own, such as \${instance.name}-extra`;
      complaints.push({ path: [...at(index), 'kind'], message });
    }
    seen.add(identity);
    if (isCustomKind(apiVersion) && readyWhen.length === 0) {
      const message = `a custom resource needs \`readyWhen\`: only its operator knows what ready means, for example readyWhen: ["\${<id>.status.phase == 'Ready'}"]`;
      complaints.push({ path: [...at(index), 'kind'], message });
    }
    return complaints;
  });
}

/** Whoever may look at an object would read the password, and Chandler's own mirror of the cluster would hold it. */
export function checkPasswords(
  plan: PlanDefinition,
  { manifests }: PlanDefinition['resources'][number],
  index: number,
  template: CheckedTemplate['template'],
): Complaint[] {
  if (manifests === undefined) return [];
  const secrets = secretsRead(plan);
  const depth = ['resources', index, 'manifest'].length;
  return (template?.reads ?? []).flatMap(({ name, path }) => {
    const [number, field] = manifests.isOne ? [0, path[depth]] : path.slice(depth);
    const { apiVersion, kind } = manifests.objects[Number(number)] ?? {};
    const isSecret = apiVersion === 'v1' && kind === 'Secret' && (field === 'data' || field === 'stringData');
    if (isSecret || (name !== 'generated' && !secrets.includes(name))) return [];
    const message = `\`${name}\` holds passwords, which only the data of a Secret may hold: put it into a resource of kind secret, and name that here`;
    return [{ path, message }];
  });
}

/** Ids of the resources by which the plan reads Secrets. */
export function secretsRead({ resources }: PlanDefinition): string[] {
  return resources.flatMap(({ id, read }) => (read?.kind === 'Secret' ? [id] : []));
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
