/** The state matrix of `domain` in words, as a test expects it over HTTP and as docs/osbapi-states.md prints it. */
import { errorCatalogue } from '../../src/domain/errors.ts';
import { type OsbOptions, osbChoices, osbDefaults } from '../../src/domain/osb-options.ts';
import {
  type BindingCondition,
  type BindingRequest,
  bindingMatrix,
  type InstanceCondition,
  type InstanceRequest,
  instanceMatrix,
  type Reaction,
  reactionToBinding,
  reactionToInstance,
} from '../../src/domain/state-matrix.ts';

export const instanceConditions = Object.keys(instanceMatrix) as InstanceCondition[];
export const bindingConditions = Object.keys(bindingMatrix) as BindingCondition[];
export const instanceRequests = Object.keys(instanceMatrix.none) as InstanceRequest[];
export const bindingRequests = Object.keys(bindingMatrix.none) as BindingRequest[];

const made = new Set<string>(['provision', 'provision other', 'bind', 'bind other', 'rotate']);

/**
 * What a platform sees of a reaction, for example `202 joins` or `422 ConcurrencyError`.
 * @param quick whether the operation ends within the request
 */
export function wordOf(reaction: Reaction, request: string, quick: boolean): string {
  switch (reaction.does) {
    case 'refuse': {
      const { status, word } = errorCatalogue[reaction.code];
      return `${status} ${word}`;
    }
    case 'answer':
      return '200 answers';
    case 'join':
      return '202 joins';
    case 'wait':
      return '202 waits';
    case 'begin':
    case 'replace': {
      const status = quick ? (made.has(request) ? 201 : 200) : 202;
      return `${status} ${reaction.does === 'begin' ? 'begins' : 'replaces'}`;
    }
  }
}

/** A table with a row for each condition, in Markdown. */
export function renderTable(
  conditions: readonly string[],
  requests: readonly string[],
  cellOf: (condition: string, request: string) => string,
): string {
  const lines = [
    ['', ...requests],
    ['---', ...requests.map(() => '---')],
    ...conditions.map((condition) => [condition, ...requests.map((request) => cellOf(condition, request))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

type OptionName = keyof OsbOptions;

/** The option that a cell asks, and what becomes of it with another value. */
function variants(react: (options: OsbOptions) => Reaction): [OptionName, string, Reaction][] {
  const usual = JSON.stringify(react(osbDefaults));
  return (Object.keys(osbChoices) as OptionName[]).flatMap((name) =>
    osbChoices[name].flatMap((value): [OptionName, string, Reaction][] => {
      const reaction = react({ ...osbDefaults, [name]: value });
      return JSON.stringify(reaction) === usual ? [] : [[name, value, reaction]];
    }),
  );
}

function cellText(react: (options: OsbOptions) => Reaction, request: string): string {
  const other = variants(react).map(
    ([name, value, reaction]) => ` (\`${name}: ${value}\`: ${wordOf(reaction, request, false)})`,
  );
  return `${wordOf(react(osbDefaults), request, false)}${other.join('')}`;
}

const explanation = `# What a request does in each state

The state matrix of \`src/domain/state-matrix.ts\`, as platforms see it. The rows are where an instance or a binding stands, the columns are the requests. Where an option changes a cell, the other value stands in brackets ([configuration](configuration.md#options-of-the-osb-api)).

- **begins**: a new operation. 202 here; a plan that declares the verb synchronous answers 201 or 200 when it is done, and without \`accepts_incomplete\` any other plan answers 422 AsyncRequired.
- **replaces**: the same, and the running operation is cancelled first.
- **waits**: a new operation that waits for the instance's. A platform that cannot poll gets 422 ConcurrencyError.
- **joins**: the running operation, the same in every answer.
- **answers**: what is written down, at once.

"Other" is the same PUT with other attributes, "update again" the PATCH that is being worked on. A failed instance is unusable when the update or deprovision that failed left it so (\`instance_usable: false\`).
`;

/** All of docs/osbapi-states.md. */
export function renderStates(): string {
  const instances = renderTable(instanceConditions, instanceRequests, (condition, request) =>
    cellText(
      (options) => reactionToInstance(condition as InstanceCondition, request as InstanceRequest, options),
      request,
    ),
  );
  const bindings = renderTable(bindingConditions, bindingRequests, (condition, request) =>
    cellText(
      (options) => reactionToBinding(condition as BindingCondition, request as BindingRequest, options),
      request,
    ),
  );
  return `${explanation}\n## Instances\n\n${instances}\n\n## Bindings of a ready instance\n\n${bindings}\n`;
}
