/** A sequence of requests as lines for a shell, each with what it got and what it should have got. */
import type { Answer, Sent } from '../../support/osb-client.ts';
import { asCurl } from '../hostile-requests.ts';

export interface RequestEntry {
  kind: 'request';
  /** In words. */
  name: string;
  sent: Sent;
  /** Absent when none came. */
  answer?: Answer;
  expected: string;
  /** Sent together with the entry before, without waiting for its answer. */
  atOnce: boolean;
}

/** What happened in a sequence, in order. */
export type Entry = RequestEntry | { kind: 'note'; text: string };

/**
 * The lines can be run again, against a broker with the catalog of test/support/fake-catalog: an operation that a later
 * request names is then the one that was answered, not the one that was printed. What the service does is in comments.
 */
export function sequenceAsCurl(url: string, entries: readonly Entry[]): string {
  const lines: string[] = [];
  /** By the operation that they stand for. */
  const variables = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'note') {
      lines.push(`# ${entry.text}`);
      continue;
    }
    if (entry.atOnce) continue;
    const group = [entry, ...followersOf(entries.slice(index + 1))];
    const isRace = group.length > 1;
    if (isRace) lines.push('# at once:');
    const learnt: string[] = [];
    for (const { name, sent, answer, expected } of group) {
      const curl = withVariables(asCurl(url, sent).replace(/^curl -i/, 'curl -sSi'), variables);
      const variable = variableFor(answer, entries.slice(index + group.length), variables);
      lines.push(
        `# ${name}`,
        `${curl}${variable === undefined ? '' : ` | tee ${fileOf(variable)}`}${isRace ? ' &' : ''}`,
        `#   got      ${answer === undefined ? 'no answer' : `${answer.status} ${answer.text.trim()}`}`,
        `#   expected ${expected}`,
      );
      if (variable !== undefined) {
        learnt.push(`${variable}=$(sed -n 's/.*"operation":"\\([^"]*\\)".*/\\1/p' ${fileOf(variable)})`);
      }
    }
    if (isRace) lines.push('wait');
    lines.push(...learnt);
  }
  return lines.join('\n');
}

const fileOf = (variable: string) => `/tmp/chandler-${variable}.txt`;

function followersOf(entries: readonly Entry[]): RequestEntry[] {
  const [next, ...later] = entries;
  return next?.kind === 'request' && next.atOnce ? [next, ...followersOf(later)] : [];
}

function withVariables(line: string, variables: ReadonlyMap<string, string>): string {
  return [...variables].reduce((text, [token, name]) => text.replaceAll(token, `'"$${name}"'`), line);
}

/** A name for the operation of an answer, if a later request needs one. */
function variableFor(
  answer: Answer | undefined,
  later: readonly Entry[],
  variables: Map<string, string>,
): string | undefined {
  const token = answer?.json.operation;
  if (typeof token !== 'string' || variables.has(token)) return undefined;
  if (!later.some((entry) => entry.kind === 'request' && entry.sent.path.includes(token))) return undefined;
  const variable = `operation${variables.size + 1}`;
  variables.set(token, variable);
  return variable;
}
