import type { JsonValue } from '../lib/json.ts';
import { objectsAt, textAt } from './json-at.ts';

/** Reasons whose words come from the API server alone. */
const withoutQuotes = new Set(['FieldValueForbidden', 'FieldValueRequired']);

/**
 * The fields that a Status refuses (422), in place of its message.
 * @returns undefined when it names none
 */
export function refusedFields(body: JsonValue): string | undefined {
  const fields = objectsAt(body, 'details', 'causes').flatMap((cause) => {
    const field = textAt(cause, 'field');
    const reason = textAt(cause, 'reason') ?? 'refused';
    if (field === undefined || field === '') return [];
    return [
      withoutQuotes.has(reason) ? `${field}: ${textAt(cause, 'message') ?? reason}` : `${field} (${reason})`,
    ];
  });
  if (fields.length === 0) return undefined;
  const what = [textAt(body, 'details', 'kind'), textAt(body, 'details', 'name')].filter(Boolean).join(' ');
  return `${what === '' ? 'the object' : what} is refused at ${fields.join(', ')}`;
}
