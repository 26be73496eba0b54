/** Parameters to try a plan with, made from its JSON Schema: other ones that it allows, and ones that it forbids. */
import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import AjvDraft04 from 'ajv-draft-04';
import { isObject, type JsonObject, type JsonValue } from './json.ts';

const settings = { strict: false, logger: false, validateFormats: false } as const;

type Validate = (value: JsonObject) => boolean;

/**
 * A catalog must not be able to hang or crash the checker: patterns, some of which take for ever, are not tried, and a
 * schema that refers to itself without end allows nothing.
 * @returns undefined when the schema cannot be compiled; a check of the catalog says so
 */
function validatorOf(schema: JsonObject): Validate | undefined {
  const isDraft4 = typeof schema.$schema === 'string' && schema.$schema.includes('draft-04');
  const plain = withoutPatterns(schema) as JsonObject;
  try {
    // Ajv's default is draft-07; what the older and newer drafts add is rare in the schemas of plans.
    const { $schema: _, ...anyDialect } = plain;
    const validate = isDraft4
      ? new AjvDraft04.default(settings).compile(plain)
      : new Ajv(settings).compile(anyDialect);
    return (value) => {
      try {
        return validate(value) === true;
      } catch {
        return false;
      }
    };
  } catch {
    return undefined;
  }
}

function withoutPatterns(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutPatterns);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([key, each]) => !(key === 'pattern' && typeof each === 'string') && key !== 'patternProperties',
  );
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutPatterns(each)]));
}

/**
 * Parameters with a value for everything that the schema requires, as near to the given ones as possible.
 * @returns undefined when no such values could be found
 */
export function smallestAllowed(schema: JsonObject | undefined): JsonObject | undefined {
  const validate = schema === undefined ? undefined : validatorOf(schema);
  if (schema === undefined || validate === undefined || validate({})) return {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const values: JsonObject = {};
  for (const name of required) {
    if (typeof name !== 'string') continue;
    const [value] = valuesFor(propertiesOf(schema)[name]);
    if (value !== undefined) values[name] = value;
  }
  return validate(values) ? values : undefined;
}

/** @returns every set of parameters found that the schema allows and that differs from the given one in one value */
export function othersAllowed(schema: JsonObject | undefined, base: JsonObject): JsonObject[] {
  const validate = schema === undefined ? undefined : validatorOf(schema);
  if (schema === undefined || validate === undefined) return [];
  const found = new Map<string, JsonObject>();
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const usual = isObject(property) ? property.default : undefined;
    for (const value of valuesFor(property)) {
      const other = { ...base, [name]: value };
      const same = isDeepStrictEqual(value, base[name] ?? usual);
      if (!same && validate(other)) found.set(JSON.stringify(other), other);
    }
  }
  return [...found.values()];
}

/** @returns parameters that the schema forbids, and the name of the one that breaks it */
export function forbidden(
  schema: JsonObject | undefined,
  base: JsonObject,
): { parameters: JsonObject; name: string } | undefined {
  const validate = schema === undefined ? undefined : validatorOf(schema);
  if (schema === undefined || validate === undefined) return undefined;
  const wrong: JsonValue[] = [{ not: 'allowed' }, 'not allowed', -1, true];
  for (const name of [...Object.keys(propertiesOf(schema)), 'conformance_check_unknown']) {
    for (const value of wrong) {
      const parameters = { ...base, [name]: value };
      if (!validate(parameters)) return { parameters, name };
    }
  }
  return undefined;
}

function propertiesOf(schema: JsonObject): JsonObject {
  const { properties } = schema;
  return isObject(properties) ? properties : {};
}

/** Values that a property may well allow; whoever asks validates them. */
function valuesFor(property: JsonValue | undefined): JsonValue[] {
  if (!isObject(property)) return [];
  const { enum: choices, default: usual, minimum, maximum, minLength } = property;
  const types = [property.type].flat();
  const given = [...(Array.isArray(choices) ? choices : []), ...(usual === undefined ? [] : [usual])];
  const bounds = [usual, minimum].filter((value) => typeof value === 'number');
  const numbers = bounds.length > 0 || typeof maximum !== 'number' ? bounds : [maximum];
  if (types.includes('integer') || types.includes('number')) {
    // Small steps, since sizes cost money; growing first, since many services never let them shrink.
    given.push(
      ...numbers.flatMap((number) => [number + 1, number + 2]),
      ...numbers.map((number) => number - 1),
      1,
      2,
    );
  }
  if (types.includes('boolean')) given.push(true, false);
  // What a pattern or a format allows cannot be guessed.
  if (types.includes('string') && property.pattern === undefined && property.format === undefined) {
    const length = typeof minLength === 'number' ? Math.min(minLength, longestText) : 0;
    given.push('conformance-check'.padEnd(length, '-'), 'check');
  }
  return given;
}

const longestText = 10_000;
