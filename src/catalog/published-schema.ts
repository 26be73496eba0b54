/** What platforms refuse in a schema of the catalog (OSBAPI, "Input Parameters Schema Object"). */
import type { Complaint } from '../lib/explain-issues.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { ajv, draft04 } from './ajv.ts';

/** Bytes. */
const largestSchema = 64 * 1024;

/** Complaints about a schema that platforms would refuse; their paths lead into the schema. */
export function lintPublishedSchema(schema: JsonObject): Complaint[] {
  if (schema.$schema !== draft04) {
    return [
      { path: ['$schema'], message: `\`$schema\` must be ${draft04}: not all platforms know another draft` },
    ];
  }
  if (ajv.validateSchema(schema) !== true) {
    const [error] = ajv.errors ?? [];
    const path = (error?.instancePath ?? '').split('/').slice(1);
    const subject = path.at(-1) ?? 'the schema';
    const rule = error?.message ?? 'must be valid';
    return [{ path, message: `\`${subject}\` breaks a rule of JSON Schema draft-04: it ${rule}` }];
  }
  const complaints = externalReferences(schema, []).map((path) => ({
    path,
    message: '`$ref` must stay within the schema: platforms fetch nothing',
  }));
  const size = Buffer.byteLength(JSON.stringify(schema));
  if (size <= largestSchema) return complaints;
  return [...complaints, { path: [], message: `the schema has ${size} bytes, platforms take 64 kB` }];
}

function externalReferences(value: JsonValue, path: (string | number)[]): (string | number)[][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => externalReferences(item, [...path, index]));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' && !item.startsWith('#')
      ? [[...path, key]]
      : externalReferences(item, [...path, key]),
  );
}
