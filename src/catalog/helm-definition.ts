/** `helm` of a resource: which chart, where it comes from, and how it is run. */
import { z } from 'zod';
import { duration } from './duration.ts';

const shape = z.strictObject({
  /** A folder or a .tgz below the chart root, `oci://...`, or a name in `repository`. */
  chart: z.string().min(1),
  repository: z
    .string()
    .refine((text) => URL.parse(text)?.protocol === 'https:', 'must be an https URL')
    .refine((text) => !hasLogin(text), 'must hold no login: only registries (oci://) may ask for one')
    .optional(),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+[-+.0-9A-Za-z]*$/, 'must be one version, such as 1.2.3, and no range')
    .optional(),
  digest: z
    .string()
    .regex(
      /^sha256:[0-9a-f]{64}$/,
      'must be sha256: and the 64 hex digits that sha256sum prints for the .tgz',
    )
    .optional(),
  provenance: z.string().min(1).optional(),
  crds: z.enum(['refuse', 'skip', 'apply']).default('refuse'),
  mode: z.enum(['render', 'release']).default('render'),
  hookTimeout: duration.optional(),
  history: z.int().min(1).max(100).optional(),
  values: z.record(z.string(), z.json()).default({}),
  freeOfTpl: z.boolean().default(false),
});

export const helmDefinition = shape.superRefine((helm, context) => {
  const complain = (path: keyof typeof helm, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  for (const key of ['hookTimeout', 'history'] as const) {
    if (helm.mode === 'release' || helm[key] === undefined) continue;
    complain(key, 'has a meaning in mode release alone');
  }
  if (isFetched(helm)) {
    const { chart, repository } = helm;
    if (repository !== undefined && !/^[A-Za-z0-9][-._A-Za-z0-9]*$/.test(chart)) {
      complain('chart', 'must be the name of a chart in `repository`');
    }
    if (repository === undefined && !/^oci:\/\/[-._:/A-Za-z0-9]+$/.test(chart.replace(/:[^/:]*$/, ''))) {
      complain('chart', 'must be oci://, a registry and a path');
    }
    if (repository === undefined && /^oci:\/\/.*\/[^/]*[:@]/.test(chart)) {
      complain('chart', 'must hold no tag and no digest: say `version` and `digest` beside it');
    }
    const from = repository === undefined ? chart : `${chart} --repo ${repository}`;
    const how = `helm pull ${from} --version ${helm.version ?? 'VERSION'}, then sha256sum of the .tgz`;
    if (helm.version === undefined) complain('version', 'is missing: what is fetched must be one version');
    if (helm.digest === undefined)
      complain('digest', `is missing: what is fetched must be known. To get it: ${how}`);
    return;
  }
  if (helm.version !== undefined)
    complain('version', 'has a meaning for what is fetched alone: oci:// or `repository`');
  if (isPacked(helm)) return;
  for (const key of ['digest', 'provenance'] as const) {
    if (helm[key] !== undefined)
      complain(key, 'has a meaning for packed charts (.tgz) alone, not for a folder');
  }
});

export type HelmDefinition = z.output<typeof helmDefinition>;

/** Whether it lies elsewhere than beside the catalog. */
export function isFetched({ chart, repository }: Pick<HelmDefinition, 'chart' | 'repository'>): boolean {
  return repository !== undefined || chart.startsWith('oci://');
}

/** Of one that is not fetched: whether it is a file. */
export function isPacked({ chart }: Pick<HelmDefinition, 'chart'>): boolean {
  return chart.endsWith('.tgz');
}

function hasLogin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== '' || url.password !== '');
}
