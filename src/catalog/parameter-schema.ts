/** JSON Schemas (draft-04, which platforms must support) from the parameters of a catalog file. */
import type { JsonObject } from '../lib/json.ts';
import { parseQuantity, quantityPattern } from '../lib/quantity.ts';
import { draft04 } from './ajv.ts';
import type { InstanceParameter, ParameterDefinition } from './parameter-definition.ts';

const defaultMaxLength = 256;

/** The schema of all parameters of a plan; what is not named is not allowed. */
export function parametersSchema(parameters: Record<string, ParameterDefinition>): JsonObject {
  const required = Object.keys(parameters).filter((name) => parameters[name]?.required === true);
  return {
    $schema: draft04,
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(parameters).map(([name, parameter]) => [name, parameterSchema(parameter)]),
    ),
    // Draft-04 forbids an empty list.
    ...(required.length === 0 ? {} : { required }),
  };
}

/**
 * The schema of what an update may change. Nothing is required and nothing has a default: what an update does not name
 * stays as it is.
 */
export function updateSchema(parameters: Record<string, InstanceParameter>): JsonObject {
  const changeable = Object.entries(parameters)
    .filter(([, { update }]) => update !== 'immutable')
    .map(([name, { default: _, ...parameter }]) => [name, { ...parameter, required: false }] as const);
  return parametersSchema(Object.fromEntries(changeable));
}

function parameterSchema(parameter: ParameterDefinition): JsonObject {
  const { description, default: fallback, enum: choices } = parameter;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(choices === undefined ? {} : { enum: choices }),
    ...typeSchema(parameter),
  };
}

function typeSchema({ type, minimum, maximum, pattern, maxLength }: ParameterDefinition): JsonObject {
  switch (type) {
    case 'boolean':
      return { type };
    case 'integer':
      return {
        type,
        minimum: minimum ?? Number.MIN_SAFE_INTEGER,
        maximum: maximum ?? Number.MAX_SAFE_INTEGER,
      };
    case 'number':
      return {
        type,
        ...(minimum === undefined ? {} : { minimum }),
        ...(maximum === undefined ? {} : { maximum }),
      };
    case 'quantity':
      return {
        type: 'string',
        pattern: quantityPattern,
        maxLength: 20,
        ...(minimum === undefined ? {} : { 'x-quantity-minimum': minimum }),
        ...(maximum === undefined ? {} : { 'x-quantity-maximum': maximum }),
      };
    case 'string':
      return {
        type,
        maxLength: maxLength ?? defaultMaxLength,
        ...(pattern === undefined ? {} : { pattern }),
      };
  }
}

type RuleName = 'minimum' | 'maximum' | 'enum' | 'pattern' | 'maxLength';

const rulesByType: Record<ParameterDefinition['type'], RuleName[]> = {
  string: ['enum', 'pattern', 'maxLength'],
  integer: ['minimum', 'maximum', 'enum'],
  number: ['minimum', 'maximum', 'enum'],
  boolean: [],
  quantity: ['minimum', 'maximum', 'enum'],
};

/** What is wrong with the definition of one parameter; each complaint names the key it is about. */
export function lintParameter(
  parameter: ParameterDefinition & Partial<InstanceParameter>,
): { key: string; message: string }[] {
  const { type } = parameter;
  const complaints: { key: string; message: string }[] = [];
  for (const rule of ['minimum', 'maximum', 'enum', 'pattern', 'maxLength'] as const) {
    if (parameter[rule] !== undefined && !rulesByType[type].includes(rule)) {
      complaints.push({ key: rule, message: `\`${rule}\` has no meaning for type ${type}` });
    }
  }
  for (const bound of ['minimum', 'maximum'] as const) {
    const value = parameter[bound];
    if (value === undefined || !rulesByType[type].includes(bound)) continue;
    const fits = type === 'quantity' ? isQuantity(value) : typeof value === 'number';
    const noun = type === 'quantity' ? 'a quantity such as 10Gi' : 'a number';
    if (!fits) complaints.push({ key: bound, message: `\`${bound}\` must be ${noun}` });
  }
  if (type === 'quantity' && parameter.maximum === undefined) {
    complaints.push({
      key: 'type',
      message: 'a quantity needs a `maximum`: what a user may ask for is capped',
    });
  }
  if (parameter.update === 'grow-only' && !rulesByType[type].includes('maximum')) {
    complaints.push({ key: 'update', message: `\`update: grow-only\` has no meaning for type ${type}` });
  }
  if (parameter.volume === true && (type !== 'quantity' || parameter.update === 'allowed')) {
    const message = '`volume` is for quantities that are `grow-only` or `immutable`: no volume shrinks';
    complaints.push({ key: 'volume', message });
  }
  if (parameter.required && parameter.default !== undefined) {
    complaints.push({ key: 'required', message: 'a parameter with a default is never `required`' });
  }
  if (parameter.pattern !== undefined && !isExpression(parameter.pattern)) {
    complaints.push({ key: 'pattern', message: '`pattern` is no regular expression' });
  }
  return complaints;
}

function isQuantity(value: string | number): boolean {
  return typeof value === 'string' && parseQuantity(value) !== undefined;
}

function isExpression(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
