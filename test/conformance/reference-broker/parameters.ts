/** As much of JSON Schema draft-04 as the catalog of this broker uses. */
import type { JsonObject } from './call.ts';
import { Refusal } from './refusal.ts';

interface Property {
  type: 'integer' | 'string';
  description: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
}

export interface ParameterSchema {
  $schema: 'http://json-schema.org/draft-04/schema#';
  type: 'object';
  properties: Record<string, Property>;
  additionalProperties: false;
}

/** A parameter that does not fit is 400, and the description says which and why. [41] */
export function checkParameters(parameters: JsonObject, schema: ParameterSchema | undefined): void {
  if (schema === undefined) return;
  for (const [name, value] of Object.entries(parameters)) {
    const property = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const known = Object.keys(schema.properties).join(', ');
    const complaint = property === undefined ? `is unknown; known are: ${known}` : misfit(value, property);
    if (complaint !== undefined) throw new Refusal(400, 'BadRequest', `The parameter ${name} ${complaint}.`);
  }
}

function misfit(value: unknown, { type, enum: allowed, minimum, maximum }: Property): string | undefined {
  if (type === 'integer') {
    if (typeof value !== 'number' || !Number.isInteger(value)) return 'must be an integer';
    if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
    if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
    return undefined;
  }
  if (typeof value !== 'string') return 'must be a string';
  if (allowed !== undefined && !allowed.includes(value)) return `must be one of: ${allowed.join(', ')}`;
  return undefined;
}
