import { fieldOf, isSuccess } from '../answers.ts';
import { asText, isObject, isText, type JsonValue } from '../json.ts';
import type { Rule } from '../types.ts';
import type { Answered } from '../wire/exchange.ts';

const changes = ['provision', 'update', 'deprovision', 'bind', 'unbind'];
const states = ['in progress', 'succeeded', 'failed'];

function changed(exchange: Answered): boolean {
  return changes.includes(exchange.draft.endpoint) && isSuccess(exchange);
}

function polled(exchange: Answered): boolean {
  return exchange.draft.polled !== undefined && exchange.answer.status === 200;
}

function describesInstance(exchange: Answered): boolean {
  return ['provision', 'update', 'fetch instance'].includes(exchange.draft.endpoint) && isSuccess(exchange);
}

export const operationRules: readonly Rule[] = [
  {
    id: 'accepted-only-if-asked',
    ...{ group: 'Polling', items: [16, 43, 121], level: 'must' },
    title: '202 answers only requests with accepts_incomplete=true',
    concerns: ({ answer, draft }) => answer.status === 202 && changes.includes(draft.endpoint),
    complaint: ({ draft }) =>
      draft.query.accepts_incomplete === 'true'
        ? undefined
        : `the ${draft.endpoint} was sent without it: answer 422 AsyncRequired`,
  },
  {
    id: 'operation-text',
    ...{ group: 'Polling', items: [50, 102], level: 'must' },
    title: 'an operation is a text of at most 10,000 characters',
    concerns: (exchange) => changed(exchange) && (fieldOf(exchange, 'operation') ?? null) !== null,
    complaint: (exchange) => {
      const operation = fieldOf(exchange, 'operation');
      return isText(operation) && operation.length <= 10_000
        ? undefined
        : `"operation" is ${shortened(operation)}`;
    },
  },
  {
    id: 'operation-absent',
    ...{ group: 'Polling', items: [50, 102, 149], level: 'client' },
    title: 'an operation that there is none of is left out, not null (Cloud Foundry)',
    concerns: changed,
    complaint: (exchange) =>
      fieldOf(exchange, 'operation') === null ? '"operation" is null: leave it out' : undefined,
  },
  {
    id: 'poll-state',
    ...{ group: 'Polling', items: [55, 109], level: 'must' },
    title: `the state of a poll is "${states.join('", "')}"`,
    concerns: polled,
    complaint: (exchange) =>
      states.includes(asText(fieldOf(exchange, 'state')))
        ? undefined
        : `"state" is ${JSON.stringify(fieldOf(exchange, 'state')) ?? 'missing'}`,
  },
  {
    id: 'poll-description',
    ...{ group: 'Polling', items: [55, 110], level: 'must' },
    title: 'the description of a poll, where it is there, is a text',
    concerns: polled,
    complaint: (exchange) => {
      const description = fieldOf(exchange, 'description');
      return description === undefined || typeof description === 'string'
        ? undefined
        : `"description" is ${shortened(description)}`;
    },
  },
  {
    id: 'poll-not-gone',
    ...{ group: 'Polling', items: [59], level: 'must' },
    title: 'a poll for a provision, update or bind is not 410 while the thing exists',
    concerns: ({ draft }) =>
      draft.polled === 'provision' || draft.polled === 'update' || draft.polled === 'bind',
    complaint: ({ answer, draft }) =>
      answer.status === 410 && draft.query.operation !== undefined
        ? `the poll for the ${draft.polled} is answered 410, which is for deletions alone`
        : undefined,
  },
  {
    id: 'retry-after',
    ...{ group: 'Polling', items: [61], level: 'should' },
    title: 'Retry-After of a poll is a number of seconds, not a date',
    concerns: ({ answer, draft }) =>
      draft.polled !== undefined && answer.headers['retry-after'] !== undefined,
    complaint: ({ answer: { headers } }) =>
      /^\d+$/.test(headers['retry-after'] ?? '') ? undefined : `Retry-After is "${headers['retry-after']}"`,
  },
  {
    id: 'dashboard-url',
    ...{ group: 'Provision', items: [49, 81], level: 'must' },
    title: 'dashboard_url is a text (or null)',
    concerns: describesInstance,
    complaint: (exchange) => {
      const url = fieldOf(exchange, 'dashboard_url') ?? null;
      return url === null || isText(url) ? undefined : `dashboard_url is ${shortened(url)}`;
    },
  },
  {
    id: 'absent-not-null',
    ...{ group: 'Fetch', items: [49, 66], level: 'client' },
    title: 'what an instance or binding does not have is left out of GET, not null (Cloud Foundry)',
    concerns: ({ draft, answer }) => draft.endpoint.startsWith('fetch') && answer.status === 200,
    complaint: ({ answer }) => {
      const nulls = isObject(answer.json)
        ? Object.entries(answer.json).filter(([, value]) => value === null)
        : [];
      return nulls.length === 0 ? undefined : `${nulls.map(([name]) => name).join(', ')} is null`;
    },
  },
  {
    id: 'metadata-object',
    ...{ group: 'Provision', items: [51, 100], level: 'must' },
    title: 'metadata is an object, and labels and attributes in it are',
    concerns: (exchange) => isSuccess(exchange) && fieldOf(exchange, 'metadata') !== undefined,
    complaint: (exchange) => {
      const metadata = fieldOf(exchange, 'metadata');
      if (!isObject(metadata)) return `"metadata" is ${shortened(metadata)}`;
      const wrong = ['labels', 'attributes'].filter(
        (key) => metadata[key] !== undefined && !isObject(metadata[key]),
      );
      return wrong.length === 0 ? undefined : `${wrong.join(' and ')} is no object`;
    },
  },
];

function shortened(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}
