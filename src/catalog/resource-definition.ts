/** One entry of `resources` in a catalog file. */
import { z } from 'zod';
import type { JsonObject } from '../lib/json.ts';
import { isCelIdentifier } from '../template/cel-expression.ts';
import { helmDefinition } from './helm-definition.ts';

export const identifier = z
  .string()
  .refine(
    isCelIdentifier,
    'must be an identifier that expressions can read: letters, digits and "_", no reserved word such as namespace or package',
  );

const inputs = z.record(z.string(), z.json());

const literal = z
  .string()
  .min(1)
  .refine((text) => !text.includes('${'), 'must be written out: what a plan may make is known beforehand');

const absent = (message: string) =>
  z
    .json()
    .optional()
    .refine((value) => value === undefined, message);

/** An object as Kubernetes knows it, with `${...}` in its leaves. Where it lives is not the plan's to say. */
const manifest = z
  .looseObject({
    apiVersion: literal,
    kind: literal,
    metadata: z
      .looseObject({
        name: z.string().min(1).optional(),
        namespace: absent('must be left out: objects live in the namespace of their instance'),
      })
      .optional(),
    status: absent('must be left out: it is what the cluster says'),
  })
  .catchall(z.json());

const ownKinds = {
  secret: z
    .record(z.string().regex(/^[-._A-Za-z0-9]{1,253}$/, 'must be a key of a Secret'), z.string())
    .optional(),
  helm: helmDefinition.optional(),
  manifest: manifest.optional(),
  /** A folder is read before this is parsed. */
  manifests: z
    .json()
    .refine(
      Array.isArray,
      'must be a folder below the chart root (the one above the catalog) that holds *.yaml, or a list of objects',
    )
    .pipe(z.array(manifest).min(1))
    .optional(),
  read: z.strictObject({ apiVersion: literal, kind: literal, name: z.string().min(1) }).optional(),
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
    .transform(({ id, secret, helm, manifest: one, manifests: several, read, readyWhen, ...rest }) => {
      const [made] = Object.entries(rest);
      return {
        id,
        readyWhen,
        ...(secret === undefined ? {} : { secret }),
        ...(helm === undefined ? {} : { helm }),
        ...(one === undefined ? {} : { manifests: { objects: [one as JsonObject], isOne: true } }),
        ...(several === undefined ? {} : { manifests: { objects: several as JsonObject[], isOne: false } }),
        ...(read === undefined ? {} : { read }),
        ...(made === undefined ? {} : { external: { provisioner: made[0], inputs: made[1] } }),
      };
    });
}
