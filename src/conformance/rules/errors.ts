import { bodyOf } from '../answers.ts';
import { asText, isObject, isText, type JsonValue } from '../json.ts';
import type { Rule } from '../types.ts';
import type { Answered } from '../wire/exchange.ts';

const group = 'Errors';

function failed({ answer }: Answered): boolean {
  return answer.status >= 400;
}

function isWord(error: JsonValue | undefined): boolean {
  return isText(error) && !/\s/.test(error);
}

function has(error: string): (exchange: Answered) => boolean {
  return (exchange) => failed(exchange) && bodyOf(exchange).error === error;
}

/** A sentence that go-open-service-broker-client compares letter by letter. */
function exactSentence(error: string, sentence: string): Rule {
  return {
    id: `sentence-${error.toLowerCase()}`,
    ...{ group, items: [20], level: 'client' },
    title: `the description of ${error} is the sentence that clients compare`,
    concerns: has(error),
    complaint: (exchange) =>
      bodyOf(exchange).description === sentence
        ? undefined
        : `"description" is ${JSON.stringify(bodyOf(exchange).description)}, not ${JSON.stringify(sentence)}`,
  };
}

const codesOf422 = ['AsyncRequired', 'ConcurrencyError', 'RequiresApp', 'MaintenanceInfoConflict'];

/** Where a field about what a failure left behind may stand: failed updates, and deprovisions for the first. */
function aftermath(field: 'instance_usable' | 'update_repeatable', verbs: readonly string[]): Rule {
  return {
    id: field.replace('_', '-'),
    ...{ group, items: [21], level: 'must' },
    title: `${field} is a boolean, and only in errors and failed operations of ${verbs.join(' and ')}`,
    concerns: (exchange) => bodyOf(exchange)[field] !== undefined || verbs.includes(verbOf(exchange)),
    complaint: (exchange) => {
      const value = bodyOf(exchange)[field];
      if (value === undefined) return undefined;
      if (typeof value !== 'boolean') return `${field} is ${JSON.stringify(value)}, not true or false`;
      const told = failed(exchange) || bodyOf(exchange).state === 'failed';
      return told && verbs.includes(verbOf(exchange))
        ? undefined
        : `${field} is in a ${exchange.answer.status} to ${verbOf(exchange)}, where it must not be`;
    },
  };
}

function verbOf({ draft }: Answered): string {
  return draft.polled ?? draft.endpoint;
}

export const errorRules: readonly Rule[] = [
  {
    id: 'error-word',
    ...{ group, items: [15], level: 'must' },
    title: '`error`, where it is there, is a text of one word, not empty',
    concerns: (exchange) => failed(exchange) && bodyOf(exchange).error !== undefined,
    complaint: (exchange) =>
      isWord(bodyOf(exchange).error)
        ? undefined
        : `"error" is ${JSON.stringify(bodyOf(exchange).error)}: write one word, or leave it out`,
  },
  {
    id: 'error-camel-case',
    ...{ group, items: [15], level: 'should' },
    title: '`error` is in CamelCase, like the words of the specification',
    concerns: (exchange) => failed(exchange) && isWord(bodyOf(exchange).error),
    complaint: (exchange) => {
      const word = asText(bodyOf(exchange).error);
      return /^[A-Z][A-Za-z0-9]*$/.test(word) ? undefined : `"error" is "${word}"`;
    },
  },
  {
    id: 'error-description',
    ...{ group, items: [15], level: 'must' },
    title: '`description` of an error, where it is there, is a text that is not empty',
    concerns: (exchange) => failed(exchange) && bodyOf(exchange).description !== undefined,
    complaint: (exchange) =>
      isText(bodyOf(exchange).description)
        ? undefined
        : `"description" is ${JSON.stringify(bodyOf(exchange).description)}: write a sentence, or leave it out`,
  },
  {
    id: 'error-body',
    ...{ group, items: [15], level: 'client' },
    title: 'every error but 401 and 410 has a JSON object with a description, which users are shown',
    concerns: (exchange) => failed(exchange) && ![401, 410].includes(exchange.answer.status),
    complaint: (exchange) =>
      isObject(exchange.answer.json) && bodyOf(exchange).description !== undefined
        ? undefined
        : `the body of a ${exchange.answer.status} is no JSON object with a "description"`,
  },
  {
    id: 'error-gone-body',
    ...{ group, items: [12], level: 'client' },
    title: 'the body of a 410 is a JSON object',
    concerns: ({ answer }) => answer.status === 410,
    complaint: ({ answer }) =>
      isObject(answer.json) ? undefined : 'the body of a 410 is no JSON object: send at least {}',
  },
  {
    id: 'error-innards',
    ...{ group, items: [15], level: 'should' },
    title: 'no error shows a stack trace',
    concerns: failed,
    complaint: ({ answer: { text } }) =>
      /\n\s+at .+:\d+|Traceback \(most recent call last\)|goroutine \d+|\.java:\d+\)/.test(
        text.replaceAll('\\n', '\n'),
      )
        ? 'a stack trace is in the body'
        : undefined,
  },
  {
    id: 'error-code-status',
    ...{ group, items: [16, 17, 18, 19], level: 'must' },
    title: `${codesOf422.join(', ')} come with 422`,
    concerns: (exchange) => failed(exchange) && codesOf422.includes(asText(bodyOf(exchange).error)),
    complaint: (exchange) =>
      exchange.answer.status === 422
        ? undefined
        : `${asText(bodyOf(exchange).error)} comes with ${exchange.answer.status}`,
  },
  exactSentence(
    'AsyncRequired',
    'This service plan requires client support for asynchronous service operations.',
  ),
  exactSentence(
    'ConcurrencyError',
    'The Service Broker does not support concurrent requests that mutate the same resource.',
  ),
  exactSentence(
    'RequiresApp',
    'This service supports generation of credentials through binding an application only.',
  ),
  {
    id: 'cloudfoundry-word-of-422',
    ...{ group: 'Platform', items: [15, 127], level: 'client', platform: 'cloudfoundry' },
    title:
      'a 422 to a provision or bind of Cloud Foundry has an `error` that it knows, else it deletes what was asked for',
    concerns: ({ draft, answer }) =>
      answer.status === 422 && (draft.endpoint === 'provision' || draft.endpoint === 'bind'),
    complaint: (exchange) => {
      const { error } = bodyOf(exchange);
      return codesOf422.includes(asText(error))
        ? undefined
        : `"error" is ${JSON.stringify(error) ?? 'missing'}, none of ${codesOf422.join(', ')}: use 400 or 409`;
    },
  },
  aftermath('instance_usable', ['update', 'deprovision']),
  aftermath('update_repeatable', ['update']),
];
