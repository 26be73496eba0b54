import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { instanceParameter, parameterName } from './parameter-definition.ts';
import { lintParameter, parametersSchema, updateSchema } from './parameter-schema.ts';
import { lintPublishedSchema } from './published-schema.ts';

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const quantity = fc.tuple(fc.integer({ min: 1, max: 99 }), fc.constantFrom('', 'm', 'Mi', 'Gi', 'G'));
const size = quantity.map(([amount, unit]) => `${amount}${unit}`);
const scalar = fc.oneof(fc.string(), number, fc.boolean(), size);

/** What an admin may write, right or wrong. */
const written = fc.record(
  {
    type: fc.constantFrom('string', 'integer', 'number', 'boolean', 'quantity'),
    description: fc.string(),
    default: scalar,
    required: fc.boolean(),
    minimum: fc.oneof(number, size),
    maximum: fc.oneof(number, size),
    enum: fc.array(scalar, { minLength: 1, maxLength: 4 }),
    pattern: fc.constantFrom('^[a-z]+$', '^.{1,3}$'),
    maxLength: fc.integer({ min: 1, max: 100 }),
    update: fc.constantFrom('allowed', 'grow-only', 'immutable'),
  },
  { requiredKeys: ['type'] },
);
const parameters = fc
  .dictionary(
    fc.string().filter((name) => parameterName.safeParse(name).success),
    written.map((definition) => instanceParameter.parse(definition)),
  )
  .map((made) =>
    Object.fromEntries(Object.entries(made).filter(([, each]) => lintParameter(each).length === 0)),
  );

it('every schema passes the metaschema of draft-04 or is refused for a choice that is there twice', () => {
  fc.assert(
    fc.property(parameters, (made) => {
      for (const schema of [parametersSchema(made), updateSchema(made)]) {
        for (const { message } of lintPublishedSchema(schema)) expect(message).toMatch(/^`enum` .*duplicate/);
      }
    }),
  );
});

it('every schema stays what it is through JSON', () => {
  fc.assert(
    fc.property(parameters, (made) => {
      for (const schema of [parametersSchema(made), updateSchema(made)]) {
        expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
        expect(schema).toMatchObject({
          $schema: 'http://json-schema.org/draft-04/schema#',
          type: 'object',
          additionalProperties: false,
        });
      }
    }),
  );
});

it('an update may name what may change, needs to name nothing and assumes nothing', () => {
  fc.assert(
    fc.property(parameters, (made) => {
      const schema = updateSchema(made);
      const changeable = Object.keys(made).filter((name) => made[name]?.update !== 'immutable');
      const properties = schema.properties as Record<string, JsonObject>;
      expect(Object.keys(properties).sort()).toEqual(changeable.sort());
      expect(schema).not.toHaveProperty('required');
      for (const property of Object.values(properties)) expect(property).not.toHaveProperty('default');
    }),
  );
});
