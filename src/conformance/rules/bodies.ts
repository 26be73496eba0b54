import { isSuccess } from '../answers.ts';
import { isObject } from '../json.ts';
import type { Rule } from '../types.ts';

const group = 'Transport';

export const bodyRules: readonly Rule[] = [
  {
    id: 'success-is-object',
    ...{ group, items: [12], level: 'client' },
    title: 'every success has a JSON object as its body, at least {}',
    concerns: isSuccess,
    complaint: ({ answer }) =>
      isObject(answer.json)
        ? undefined
        : `the body of a ${answer.status} is no JSON object: send at least {}`,
  },
  {
    id: 'success-status',
    ...{ group, items: [12, 42], level: 'client' },
    title: 'a success is 200, 201 or 202, never 204 (Cloud Foundry)',
    concerns: isSuccess,
    complaint: ({ answer }) =>
      [200, 201, 202].includes(answer.status) ? undefined : `a success is answered ${answer.status}: use 200`,
  },
  {
    id: 'content-type',
    ...{ group, items: [8], level: 'should' },
    title: 'every body has the Content-Type application/json',
    concerns: ({ answer }) => answer.text !== '',
    complaint: ({ answer: { headers } }) =>
      headers['content-type']?.startsWith('application/json')
        ? undefined
        : `the Content-Type is ${headers['content-type'] ?? 'missing'}`,
  },
  {
    id: 'no-fault',
    ...{ group, items: [13, 53], level: 'should' },
    title: 'nothing that a platform may send is answered with a fault (5xx)',
    concerns: () => true,
    complaint: ({ answer, draft }) =>
      // 501 says honestly that there is no such endpoint.
      answer.status >= 500 && answer.status !== 501
        ? `${draft.method} (${draft.endpoint}) is answered ${answer.status}`
        : undefined,
  },
  {
    id: 'in-time',
    ...{ group, items: [53], level: 'should' },
    title: 'every answer comes within the 60 seconds that platforms wait',
    concerns: () => true,
    complaint: ({ milliseconds }) =>
      milliseconds <= 60_000 ? undefined : `an answer took ${milliseconds} ms`,
  },
];
