/** helm with access to a namespace: installs, upgrades and uninstalls releases. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../lib/json.ts';
import { isDnsLabel } from '../lib/names.ts';
import { inPrivateFolder } from './private-folder.ts';
import { type HelmLimits, runHelm } from './run-helm.ts';
import { type Helm, HelmError, type ReleaseRequest, type UpgradeRequest } from './types.ts';

/** What helm does beside waiting for hooks. */
const workMs = 120_000;

export function releases(limits: HelmLimits): Pick<Helm, 'upgrade' | 'uninstall'> {
  return {
    upgrade: (request) =>
      inPrivateFolder(async (folder) => {
        await writeChart(join(folder, 'chart'), request);
        const hooks = request.withHooks ? request.objects.filter(isHook).length : 0;
        await runIn(folder, request, limits, {
          args: upgradeArguments(request, join(folder, 'chart')),
          timeoutMs: workMs + hooks * request.hookTimeoutSeconds * 1000,
          hidden: { secrets: request.objects.filter(({ kind }) => kind === 'Secret') },
        });
      }),
    uninstall: (request) =>
      inPrivateFolder(async (folder) => {
        await runIn(folder, request, limits, {
          args: ['uninstall', request.releaseName, '--ignore-not-found', '--cascade=background'],
          // How many hooks there are only Helm knows: a few.
          timeoutMs: workMs + 3 * request.hookTimeoutSeconds * 1000,
          hidden: {},
        });
      }),
  };
}

/** Of an object as a chart renders it (helm.sh/docs, "Chart Hooks"). */
export function isHook({ metadata }: JsonObject): boolean {
  const { annotations } = (metadata ?? {}) as { annotations?: Record<string, unknown> };
  return annotations?.['helm.sh/hook'] !== undefined;
}

/**
 * The chart of a release: nothing in it is a template, so what was checked is what Helm applies. JSON is YAML, and in
 * JSON two braces can only follow each other within a text, where one may be written by its number.
 */
export function literalTemplate(object: JsonObject): string {
  return JSON.stringify(object).replaceAll('{{', '{\\u007b');
}

function upgradeArguments(request: UpgradeRequest, chart: string): string[] {
  const labels = Object.entries(request.labels).map(([key, value]) => `${key}=${value}`);
  return [
    'upgrade',
    request.releaseName,
    chart,
    '--install',
    `--history-max=${request.history}`,
    `--labels=${labels.join(',')}`,
    '--server-side=true',
    '--force-conflicts',
    // Whose the objects are was looked at before.
    '--take-ownership',
    '--hide-notes',
    '--skip-crds',
    ...(request.withHooks ? [] : ['--no-hooks']),
  ];
}

/** @throws HelmError for a name that could be read as a flag or a path */
async function runIn(
  folder: string,
  { releaseName, namespace, kubeconfig, hookTimeoutSeconds, signal }: ReleaseRequest,
  limits: HelmLimits,
  run: { args: string[]; timeoutMs: number; hidden: JsonObject },
): Promise<void> {
  if (!isDnsLabel(releaseName)) throw new HelmError('the release name is not a DNS label');
  if (!isDnsLabel(namespace)) throw new HelmError('the namespace is not a DNS label');
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeFile(kubeconfigPath, kubeconfig.reveal(), { mode: 0o600 });
  const access = [`--namespace=${namespace}`, `--kubeconfig=${kubeconfigPath}`];
  const args = [...run.args, ...access, `--timeout=${hookTimeoutSeconds}s`];
  await runHelm(limits, { ...run, args, input: '', folder, signal });
}

async function writeChart(folder: string, { chartName, objects }: UpgradeRequest): Promise<void> {
  await mkdir(join(folder, 'templates'), { recursive: true });
  // Its version is not that of the chart: it holds what one plan made of it.
  const chart = { apiVersion: 'v2', name: chartName, version: '0.0.0-checked' };
  await writeFile(join(folder, 'Chart.yaml'), JSON.stringify(chart));
  for (const [index, object] of objects.entries()) {
    await writeFile(join(folder, 'templates', `${index}.yaml`), literalTemplate(object));
  }
}

/** The folder holds a token and whatever the objects hold: nobody else may read it, and it goes in any case. */
