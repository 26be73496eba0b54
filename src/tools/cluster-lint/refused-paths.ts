import type { Path } from '../../lib/yaml-source.ts';

const name = String.raw`(?:\.[A-Za-z]|(?:metadata|spec|data)(?=[.:[ ]))[^\s:;,()]*`;
/** `.spec.replicaz: field not declared in schema; ...` (server-side apply), `spec.replicas (FieldValueInvalid), ...` (validation). */
const field = new RegExp(
  String.raw`(?:: |; | at |, )(${name})(?:: (.+?)(?=; |, ${name}(?:: | \()|$)| \((\w+)\))`,
  'g',
);

/** The fields that an API server's message about an apply names, with what it says of each. */
export function refusedPaths(message: string): { path: Path; message: string }[] {
  return [...message.matchAll(field)].map(([, found = '', text, reason]) => {
    const words = found.replace(/^\./, '');
    return { path: stepsOf(words), message: `${words}: ${text ?? reason ?? 'refused'}` };
  });
}

/** Up to an item of a list that is named by its keys: which one that is, only the object tells. */
function stepsOf(words: string): Path {
  const steps: (string | number)[] = [];
  for (const [whole, index, key] of words.matchAll(/\[(?:(\d+)|([^\]]*))\]|[^.[\]]+/g)) {
    if (index !== undefined) steps.push(Number(index));
    else if (key?.includes('=') === true) break;
    else steps.push(key?.replaceAll('"', '') ?? whole);
  }
  return steps;
}
