/** The shape of one parameter in a catalog file, of instances and of bindings. */
import { z } from 'zod';

export const parameterName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_]{0,62}$/,
    'must be letters, digits and "_", at most 63, and begin with a letter',
  );

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});

export const bindParameter = z.strictObject({
  type: z.enum(['string', 'integer', 'number', 'boolean', 'quantity']),
  description: z.string().max(1000).optional(),
  default: scalar.optional(),
  /** Without a default: whether the user must give it. */
  required: z.boolean().default(false),
  minimum: z.union([z.number(), z.string()]).optional(),
  maximum: z.union([z.number(), z.string()]).optional(),
  enum: z.array(scalar).min(1).optional(),
  pattern: z.string().optional(),
  maxLength: z.int().min(1).max(65_536).optional(),
});
export type ParameterDefinition = z.infer<typeof bindParameter>;

export const instanceParameter = bindParameter.extend({
  /** What an update may do with it. */
  update: z.enum(['allowed', 'grow-only', 'immutable']).default('immutable'),
  /** It is the size of volumes: it grows only where their StorageClass lets them. */
  volume: z.boolean().optional(),
});
export type InstanceParameter = z.infer<typeof instanceParameter>;
