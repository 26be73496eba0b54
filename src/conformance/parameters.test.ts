import AjvDraft04 from 'ajv-draft-04';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from './json.ts';
import { forbidden, othersAllowed, smallestAllowed } from './parameters.ts';

const draft04 = 'http://json-schema.org/draft-04/schema#';
const schema: JsonObject = {
  $schema: draft04,
  type: 'object',
  additionalProperties: false,
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 100 },
    name: { type: 'string', enum: ['alpha', 'beta'] },
    encrypted: { type: 'boolean', default: true },
  },
};

describe('parameters made from the schema of a plan', () => {
  it('have a value for what is required, and nothing else', () => {
    expect(smallestAllowed(schema)).toEqual({ size: 2 });
    expect(smallestAllowed(undefined)).toEqual({});
  });

  it('are unknown where the schema says too little', () => {
    expect(
      smallestAllowed({ $schema: draft04, required: ['token'], properties: { token: {} } }),
    ).toBeUndefined();
  });

  it('differ from the given ones in one value, and never start with a large step', () => {
    const others = othersAllowed(schema, { size: 1 });
    expect(others[0]).toEqual({ size: 2 });
    expect(others).toContainEqual({ size: 1, name: 'alpha' });
    expect(others).toContainEqual({ size: 1, encrypted: false });
    expect(others).not.toContainEqual({ size: 1, encrypted: true });
  });

  it('that are forbidden say which one is wrong', () => {
    expect(forbidden(schema, { size: 1 })?.name).toBe('size');
    expect(forbidden({ $schema: draft04, type: 'object' }, {})).toBeUndefined();
    expect(forbidden(undefined, {})).toBeUndefined();
  });

  it('do not hang or crash on what a catalog may hold', () => {
    const slow = { type: 'string', minLength: 40, pattern: '^([a-z-]+)+!$' };
    expect(othersAllowed({ $schema: draft04, properties: { slow } }, {})).toEqual([]);
    const endless: JsonObject = { $schema: draft04, allOf: [{ $ref: '#' }] };
    expect(smallestAllowed(endless)).toBeUndefined();
    const huge = { type: 'string', minLength: 1e10 };
    expect(smallestAllowed({ $schema: draft04, required: ['huge'], properties: { huge } })).toBeUndefined();
  });

  it('are none for a schema that cannot be compiled', () => {
    expect(othersAllowed({ type: 'nothing' }, {})).toEqual([]);
    expect(forbidden({ type: 'nothing' }, {})).toBeUndefined();
  });

  const property = fc.oneof(
    fc.record({
      type: fc.constant('integer'),
      minimum: fc.integer({ min: -5, max: 5 }),
      maximum: fc.integer({ min: 5, max: 9 }),
    }),
    fc.record({ type: fc.constant('string'), minLength: fc.nat(30) }, { requiredKeys: ['type'] }),
    fc.record({
      type: fc.constant('string'),
      enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ type: fc.constant('boolean'), default: fc.boolean() }, { requiredKeys: ['type'] }),
  );
  const schemas = fc.record({
    $schema: fc.constant(draft04),
    type: fc.constant('object'),
    additionalProperties: fc.boolean(),
    properties: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), property, { maxKeys: 4 }),
  });

  it('are allowed when they say so, and forbidden when they say so, whatever the schema', () => {
    fc.assert(
      fc.property(schemas, (made) => {
        const given = made as unknown as JsonObject;
        const validate = new AjvDraft04.default({ strict: false }).compile(given);
        for (const other of othersAllowed(given, {})) expect([other, validate(other)]).toEqual([other, true]);
        const wrong = forbidden(given, {});
        if (wrong !== undefined) expect(validate(wrong.parameters)).toBe(false);
        if (!given.additionalProperties) expect(wrong).toBeDefined();
      }),
    );
  });
});
