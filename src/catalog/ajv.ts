/** The one JSON Schema library object of the process: draft-04, and the limits of quantities. */
import AjvDraft04 from 'ajv-draft-04';
import { parseQuantity } from '../lib/quantity.ts';

/** `$schema` of the one draft that every platform knows. */
export const draft04 = 'http://json-schema.org/draft-04/schema#';

// CommonJS: under Node's rules the class is the `default` of the default import.
export const ajv = new AjvDraft04.default({
  strict: true,
  strictTypes: false,
  validateFormats: false,
  verbose: true,
});

const quantityRules: Record<string, (value: bigint, bound: bigint) => boolean> = {
  'x-quantity-minimum': (value, bound) => value >= bound,
  'x-quantity-maximum': (value, bound) => value <= bound,
};
for (const [keyword, holds] of Object.entries(quantityRules)) {
  ajv.addKeyword({
    keyword,
    type: 'string',
    schemaType: 'string',
    compile: (limit: string) => {
      const bound = parseQuantity(limit);
      return (text: string) => {
        const value = parseQuantity(text);
        // What is no quantity is the pattern's complaint.
        return value === undefined || bound === undefined || holds(value, bound);
      };
    },
  });
}
