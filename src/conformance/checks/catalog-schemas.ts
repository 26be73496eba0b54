import AjvDraft04 from 'ajv-draft-04';
import { isObject, isText, type JsonObject, type JsonValue } from '../json.ts';
import type { Check, Level } from '../types.ts';
import { documentCheck, nameOf, plansOf } from './catalog-document.ts';

const draft04 = new AjvDraft04.default({ strict: false, logger: false });
const largest = 64 * 1024;
const places = [
  ['service_instance', 'create'],
  ['service_instance', 'update'],
  ['service_binding', 'create'],
] as const;

function about(
  { id, level, title }: { id: string; level: Level; title: string },
  look: (schema: JsonObject) => string | false,
): Check {
  return documentCheck({ id, items: [33], level, title }, (tools) =>
    plansOf(tools).flatMap((plan) =>
      schemasOf(plan.schemas).map(({ where, schema }) => {
        const complaint = look(schema);
        return complaint && `plan ${nameOf(plan)}, ${where}: ${complaint}`;
      }),
    ),
  );
}

/** The JSON Schemas of plans (spec, "Schemas Object"). */
export const schemaChecks: readonly Check[] = [
  about(
    { id: 'catalog-schema-dialect', level: 'must', title: 'a schema says its $schema' },
    ({ $schema }) => !isText($schema) && '$schema is missing',
  ),
  about(
    { id: 'catalog-schema-references', level: 'must', title: 'a schema has no external references' },
    (schema) => {
      const [reference] = referencesIn(schema).filter((text) => !text.startsWith('#'));
      return reference !== undefined && `it refers to ${reference}`;
    },
  ),
  about(
    { id: 'catalog-schema-size', level: 'must', title: 'a schema has at most 64 kB' },
    (schema) =>
      JSON.stringify(schema).length > largest && `the schema has ${JSON.stringify(schema).length} characters`,
  ),
  about(
    {
      id: 'catalog-schema-draft',
      level: 'client',
      title: 'a schema is of draft-04 or draft-06 (Cloud Foundry)',
    },
    ({ $schema }) => isText($schema) && !/draft-0[46]/.test($schema) && `$schema is ${$schema}`,
  ),
  about(
    {
      id: 'catalog-schema-valid',
      level: 'client',
      title: 'a schema is valid by the metaschema of draft-04 (Cloud Foundry)',
    },
    (schema) => {
      const plain = { ...schema, $schema: 'http://json-schema.org/draft-04/schema#' };
      return draft04.validateSchema(plain) !== true && draft04.errorsText();
    },
  ),
];

function schemasOf(schemas: JsonValue | undefined): { where: string; schema: JsonObject }[] {
  return places.flatMap(([kind, verb]) => {
    const group = isObject(schemas) ? schemas[kind] : undefined;
    const way = isObject(group) ? group[verb] : undefined;
    const schema = isObject(way) ? way.parameters : undefined;
    return isObject(schema) ? [{ where: `${kind}.${verb}`, schema }] : [];
  });
}

function referencesIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === '$ref' && isText(each) ? [each] : referencesIn(each),
  );
}
