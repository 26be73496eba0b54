/** A request past the transport checks, and how its fields are read. */
import { Refusal } from './refusal.ts';

export type JsonObject = Record<string, unknown>;

export interface Call {
  instanceId: string;
  bindingId: string;
  query: URLSearchParams;
  /** Unknown fields stay unread. [7] */
  body: JsonObject;
  acceptsIncomplete: boolean;
  ifNoneMatch: string | undefined;
}

export interface Answer {
  status: number;
  /** Always an object, also when there is nothing to say. [12] */
  body: JsonObject;
  headers?: Record<string, string>;
}

/** Korifi and older Go clients send null, "" and {} for what they do not have. [10] */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Wrong types are 400. [40] */
export function optionalText(fields: JsonObject, name: string): string | undefined {
  const value = fields[name];
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'string') throw new Refusal(400, 'BadRequest', `${name} must be a string.`);
  return value;
}

export function requiredText(fields: JsonObject, name: string): string {
  const value = optionalText(fields, name);
  if (value === undefined) throw new Refusal(400, 'BadRequest', `${name} is required and must not be empty.`);
  return value;
}

export function optionalObject(fields: JsonObject, name: string): JsonObject | undefined {
  const value = fields[name];
  if (isAbsent(value)) return undefined;
  if (!isObject(value)) throw new Refusal(400, 'BadRequest', `${name} must be an object.`);
  return value;
}

/** Any platform and any other key is fine. [131] */
export function optionalContext(body: JsonObject): JsonObject | undefined {
  const context = optionalObject(body, 'context');
  if (context !== undefined) optionalText(context, 'platform');
  return context;
}

/** Only the version counts, and only when there is one. [48] */
export function maintenanceVersion(body: JsonObject): string | undefined {
  return optionalText(optionalObject(body, 'maintenance_info') ?? {}, 'version');
}

export function requiredQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (!value) throw new Refusal(400, 'BadRequest', `The query needs ${name}.`);
  return value;
}
