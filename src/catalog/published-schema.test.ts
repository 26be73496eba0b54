import { expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { lintPublishedSchema } from './published-schema.ts';

const $schema = 'http://json-schema.org/draft-04/schema#';

it('takes references within the schema', () => {
  const properties = { a: { $ref: '#/definitions/a' }, $ref: { type: 'string' } };
  expect(lintPublishedSchema({ $schema, definitions: { a: {} }, properties })).toEqual([]);
});

it.each<[string, JsonObject, (string | number)[], RegExp]>([
  [
    'a reference to elsewhere',
    { properties: { a: { anyOf: [{ $ref: 'https://example.com/a.json' }] } } },
    ['properties', 'a', 'anyOf', 0, '$ref'],
    /platforms fetch nothing/,
  ],
  ['an empty list of required names', { required: [] }, ['required'], /must NOT have fewer than 1 items/],
  [
    'a limit as later drafts have it',
    { properties: { n: { type: 'integer', exclusiveMinimum: 1 } } },
    ['properties', 'n'],
    /breaks a rule of JSON Schema draft-04/,
  ],
  ['more than 64 kB', { description: 'ä'.repeat(33_000) }, [], /the schema has 66\d{3} bytes/],
])('refuses %s', (_, schema, path, message) => {
  expect(lintPublishedSchema({ $schema, ...schema })).toEqual([
    { path, message: expect.stringMatching(message) as string },
  ]);
});

it.each([[{}], [{ $schema: 'https://json-schema.org/draft/2020-12/schema' }]])(
  'refuses no draft and another draft: %j',
  (schema) => {
    expect(lintPublishedSchema(schema)).toEqual([
      { path: ['$schema'], message: expect.stringMatching(/must be http.*draft-04/) as string },
    ]);
  },
);
