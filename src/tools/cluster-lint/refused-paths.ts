import type { Path } from '../../lib/yaml-source.ts';

/** `.spec.replicaz: field not declared in schema` (server-side apply), `spec.replicas (FieldValueInvalid)` (validation). */
const field =
  /(?:: |; | at |, )\.?((?:metadata|spec|data|[a-z]\w*)(?:[.[][^\s:;,()]*)?)(?:: ([^;]+)| \((\w+)\))/g;

/** The fields that an API server's message about an apply names, with what it says of each. */
export function refusedPaths(message: string): { path: Path; message: string }[] {
  return [...message.matchAll(field)].map(([, name = '', text, reason]) => ({
    path: stepsOf(name),
    message: `${name}: ${text ?? reason ?? 'refused'}`,
  }));
}

/** Up to an item of a list that is named by its keys: which one that is, only the object tells. */
function stepsOf(name: string): Path {
  const steps: (string | number)[] = [];
  for (const [whole, index, key] of name.matchAll(/\[(?:(\d+)|([^\]]*))\]|[^.[\]]+/g)) {
    if (index !== undefined) steps.push(Number(index));
    else if (key?.includes('=') === true) break;
    else steps.push(key?.replaceAll('"', '') ?? whole);
  }
  return steps;
}
