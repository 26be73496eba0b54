/** One entry of `resources` in a catalog file. */
import { z } from 'zod';
import { isCelIdentifier } from '../template/cel-expression.ts';

export const identifier = z
  .string()
  .refine(
    isCelIdentifier,
    'must be an identifier that expressions can read: letters, digits and "_", no reserved word such as namespace or package',
  );

const inputs = z.record(z.string(), z.json());

const ownKinds = {
  secret: z
    .record(z.string().regex(/^[-._A-Za-z0-9]{1,253}$/, 'must be a key of a Secret'), z.string())
    .optional(),
  helm: z
    .strictObject({
      chart: z.string().min(1),
      mode: z.literal('render').default('render'),
      values: inputs.default({}),
      freeOfTpl: z.boolean().default(false),
    })
    .optional(),
};

/**
 * Beside our own kinds each provisioner's name is one: `fake: { seconds: 5 }`.
 * @param provisioners names of the provisioners outside of clusters that there are
 */
export function resourceDefinition(provisioners: readonly string[]) {
  const kinds = [...Object.keys(ownKinds), ...provisioners];
  const external: Record<string, z.ZodOptional<typeof inputs>> = Object.fromEntries(
    provisioners.map((name) => [name, inputs.optional()]),
  );
  return z
    .strictObject({
      ...external,
      id: identifier,
      ...ownKinds,
      readyWhen: z.array(z.string()).default([]),
    })
    .superRefine((value, context) => {
      if (kinds.filter((kind) => Object.hasOwn(value, kind)).length !== 1) {
        const message = `a resource needs exactly one of: ${kinds.join(', ')}`;
        context.addIssue({ code: 'custom', path: [], message });
      }
    })
    .transform(({ id, secret, helm, readyWhen, ...rest }) => {
      const [made] = Object.entries(rest);
      return {
        id,
        readyWhen,
        ...(secret === undefined ? {} : { secret }),
        ...(helm === undefined ? {} : { helm }),
        ...(made === undefined ? {} : { external: { provisioner: made[0], inputs: made[1] } }),
      };
    });
}
