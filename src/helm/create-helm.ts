/** helm as a child process: no home, no inherited environment, no --set; only a release sees a cluster, with access lent. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { JsonObject } from '../lib/json.ts';
import { isDnsLabel } from '../lib/names.ts';
import { limitConcurrency } from './limit-concurrency.ts';
import { parseManifests } from './parse-manifests.ts';
import { releases } from './releases.ts';
import { runHelm } from './run-helm.ts';
import { type Helm, HelmError, type RenderRequest } from './types.ts';

export interface HelmOptions {
  /** Absolute path of the helm binary; see findHelm. */
  helmPath: string;
  /** Longest run of one helm process, in milliseconds. Must stay below the lease of a worker. */
  timeoutMs?: number;
  /** Largest output of one rendering, in bytes. */
  maxOutputBytes?: number;
  /** Largest address space of one helm process, in bytes. */
  maxMemoryBytes?: number;
}

/**
 * Gives the helm of this process. At most as many helm processes run at once as there are cores; each dies with this
 * process (Linux: setpriv), at the time limit, at the memory limit, or when its output grows too large.
 */
export function createHelm(options: HelmOptions): Helm {
  const timeoutMs = options.timeoutMs ?? 20_000;
  const maxOutputBytes = options.maxOutputBytes ?? 8 * 1024 * 1024;
  const maxMemoryBytes = options.maxMemoryBytes ?? 2 * 1024 ** 3;
  const limit = limitConcurrency(availableParallelism());

  const limits = { helmPath: options.helmPath, maxOutputBytes, maxMemoryBytes };
  const run = (args: string[], input: string, hidden: JsonObject) =>
    limit(() => runHelm(limits, { args, input, hidden, timeoutMs }));

  return {
    render: async (request) => {
      const args = templateArguments(request);
      return parseManifests(await run(args, JSON.stringify(request.values), request.values));
    },
    version: async () => (await run(['version', '--template={{.Version}}'], '', {})).trim(),
    ...releases(limits),
  };
}

const kubeVersionPattern = /^v?\d+\.\d+(\.\d+)?([-+.][0-9A-Za-z.+-]*)?$/;
const apiVersionPattern = /^[A-Za-z0-9][A-Za-z0-9.-]*(\/[A-Za-z0-9][A-Za-z0-9.-]*){0,2}$/;

/** @throws HelmError for a name that could be read as a flag or a path */
function templateArguments(request: RenderRequest): string[] {
  if (!isDnsLabel(request.releaseName)) throw new HelmError('the release name is not a DNS label');
  if (!isDnsLabel(request.namespace)) throw new HelmError('the namespace is not a DNS label');
  if (!kubeVersionPattern.test(request.kubeVersion))
    throw new HelmError('the Kubernetes version is malformed');
  const malformed = request.apiVersions.find((version) => !apiVersionPattern.test(version));
  if (malformed !== undefined) throw new HelmError('an API version is malformed');
  return [
    'template',
    request.releaseName,
    path.resolve(request.chartPath),
    `--namespace=${request.namespace}`,
    '--values=-',
    `--kube-version=${request.kubeVersion}`,
    ...request.apiVersions.map((version) => `--api-versions=${version}`),
    '--skip-tests',
    '--include-crds=false',
  ];
}
