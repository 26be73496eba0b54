/** Checks what users send against the schema that the catalog published for it. */
import type { ErrorObject, ValidateFunction } from 'ajv-draft-04';
import { ChandlerError } from '../domain/errors.ts';
import type { PlanRevision } from '../domain/offering.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { hint } from '../lib/nearest.ts';
import { quantityPattern } from '../lib/quantity.ts';
import { ajv } from './ajv.ts';
import type { ValidateParameters } from './types.ts';

/** Compiled once per revision and verb. There are as many as plan revisions in use. */
const validators = new Map<string, ValidateFunction>();

/**
 * See {@link ValidateParameters}. Strings with control characters are refused whatever the schema says, and so are those
 * with `{{` unless no chart of the plan would run them.
 */
export const validateParameters: ValidateParameters = (revision, verb, parameters) => {
  const key = `${revision.digest} ${verb}`;
  const validate = validators.get(key) ?? ajv.compile(revision.schemas[verb]);
  validators.set(key, validate);
  const fixed = verb === 'update' ? namesIn(revision.schemas.provision) : [];
  const sentence =
    complaintOf(validate, parameters, fixed) ?? unsafeText(parameters, runsTemplates(revision));
  if (sentence !== undefined) throw new ChandlerError('InvalidParameters', { sentence });
};

/** What is wrong with a value under a schema of ours, in one sentence that never quotes the value. */
export function findComplaint(schema: JsonObject, value: JsonObject): string | undefined {
  return complaintOf(ajv.compile(schema), value);
}

/** @param fixed names that are no mistakes although the schema lacks them: they had their time when the instance was made */
function complaintOf(
  validate: ValidateFunction,
  value: JsonObject,
  fixed: readonly string[] = [],
): string | undefined {
  if (validate(value) === true) return undefined;
  const error = validate.errors?.[0];
  return error === undefined ? 'The parameters do not fit the schema of the plan.' : explain(error, fixed);
}

function namesIn({ properties }: JsonObject): string[] {
  return isJsonObject(properties) ? Object.keys(properties) : [];
}

function explain(error: ErrorObject, fixed: readonly string[]): string {
  const subject = `The parameter \`${printable(error.instancePath.slice(1))}\``;
  const params = error.params as Record<string, string | number | boolean | undefined>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = printable(String(params.additionalProperty));
      if (fixed.includes(unknown)) {
        return `The parameter \`${unknown}\` cannot be changed after the instance was made.`;
      }
      const known = namesIn((error.parentSchema ?? {}) as JsonObject);
      return `There is no parameter \`${unknown}\`; ${hint(unknown, known)}`;
    }
    case 'required':
      return `The parameter \`${String(params.missingProperty)}\` is required.`;
    case 'type':
      return `${subject} must be of type ${String(params.type)}.`;
    case 'enum':
      return `${subject} must be one of: ${(error.schema as JsonValue[]).map(String).join(', ')}.`;
    case 'minimum':
    case 'maximum':
      return `${subject} must be at ${error.keyword === 'minimum' ? 'least' : 'most'} ${String(params.limit)}.`;
    case 'x-quantity-minimum':
      return `${subject} must be at least ${String(error.schema)}.`;
    case 'x-quantity-maximum':
      return `${subject} must be at most ${String(error.schema)}.`;
    case 'maxLength':
      return `${subject} must not be longer than ${String(params.limit)} characters.`;
    case 'pattern':
      if (error.schema === quantityPattern) return `${subject} must be a quantity such as 10Gi.`;
      return `${subject} must match the pattern ${String(error.schema)}.`;
    default:
      return `${subject} ${error.message ?? 'does not fit the schema of the plan'}.`;
  }
}

/** Control characters, line and paragraph separators, lone surrogates. */
const unsafeCharacters = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

function runsTemplates({ resources }: PlanRevision): boolean {
  return resources.some((resource) => resource.kind === 'helm' && resource.freeOfTpl !== true);
}

/** Charts run `tpl` on values, and YAML breaks at lines: such texts never get that far (walked without recursion). */
function unsafeText(parameters: JsonObject, refusesTemplates: boolean): string | undefined {
  const open: [string, JsonValue][] = Object.entries(parameters);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [name, value] = next;
    if (typeof value === 'string') {
      if (refusesTemplates && value.includes('{{'))
        return `The parameter \`${printable(name)}\` must not contain {{.`;
      if (unsafeCharacters.test(value)) {
        return `The parameter \`${printable(name)}\` must not contain control characters.`;
      }
    } else if (Array.isArray(value)) open.push(...value.map((item): [string, JsonValue] => [name, item]));
    else if (isJsonObject(value)) {
      open.push(...Object.entries(value).map(([key, item]): [string, JsonValue] => [`${name}.${key}`, item]));
    }
  }
  return undefined;
}

/** A name that a user chose, fit for a log and a terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
