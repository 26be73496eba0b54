/** `policy` of a plan in a catalog file (docs/catalog.md, "Policy"). */
import { z } from 'zod';
import { clusterScopedKinds } from '../domain/policy/kinds.ts';
import { allowances } from '../domain/policy/types.ts';

const kind = z
  .string()
  .regex(
    /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Z][A-Za-z0-9]*$/,
    'must be a kind such as monitoring.coreos.com/ServiceMonitor, of the core group such as Endpoints',
  );

const registry = z
  .string()
  .regex(
    /^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9-]+(\.[a-z0-9-]+)*(?=:))(:\d+)?(\/[a-z0-9._-]+)*$/,
    'must begin with a registry, such as docker.io/library or ghcr.io/cloudnative-pg',
  );

export const policyDefinition = z.strictObject({
  kinds: z
    .array(
      kind.refine(
        (name) => !clusterScopedKinds.includes(name),
        'is a cluster-scoped kind, which belongs under `clusterScoped`',
      ),
    )
    .optional(),
  clusterScoped: z.array(kind).optional(),
  clusterRoles: z.array(z.string().min(1)).optional(),
  allow: z.array(z.enum(allowances)).optional(),
  registries: z.array(registry).min(1).optional(),
  requireDigest: z.boolean().optional(),
});
