/** Fetches packed charts with helm, and lets helm check who signed them. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inPrivateFolder } from './private-folder.ts';
import { runHelm } from './run-helm.ts';
import { HelmError } from './types.ts';

export interface ChartPullerOptions {
  /** Absolute path of the helm binary; see findHelm. */
  helmPath: string;
  /** A `config.json` of Docker with the logins of OCI registries. */
  registryConfig?: string | undefined;
  /** PEM file of the authorities that registries and repositories are trusted by, beside those of the system. */
  caFile?: string | undefined;
  timeoutMs?: number;
}

export interface PullRequest {
  /** `oci://...`, or a name in `repository`. */
  chart: string;
  repository?: string;
  version: string;
  withProvenance: boolean;
}

/** A packed chart as its maker published it. */
export interface PulledChart {
  archive: Buffer;
  /** The .prov file beside it (helm.sh/docs, "Helm Provenance and Integrity"). */
  provenance?: string;
}

export interface VerifyRequest {
  archive: Buffer;
  provenance: string;
  /** `name-version`: the provenance names the file. */
  title: string;
  /** Path of a keyring as `gpg --export` writes it. */
  keyring: string;
}

export interface ChartPuller {
  /** `helm pull`. @throws HelmError */
  pull(request: PullRequest): Promise<PulledChart>;
  /** `helm verify`. @throws HelmError when nobody of the keyring signed exactly this chart */
  verify(request: VerifyRequest): Promise<void>;
}

const largestArchive = 16 * 1024 * 1024;

export function createChartPuller(options: ChartPullerOptions): ChartPuller {
  const { helmPath, timeoutMs = 60_000 } = options;
  const limits = { helmPath, maxOutputBytes: 1024 * 1024, maxMemoryBytes: 2 * 1024 ** 3 };
  const run = (folder: string, args: string[]) =>
    runHelm(limits, { args, input: '', hidden: {}, timeoutMs, folder });
  return {
    pull: (request) =>
      inPrivateFolder(async (folder) => {
        const destination = path.join(folder, 'pulled');
        await mkdir(destination);
        await run(folder, pullArguments(request, destination, options));
        const names = await readdir(destination);
        const archive = names.find((name) => name.endsWith('.tgz'));
        if (archive === undefined) throw new HelmError(`helm pulled no chart from ${request.chart}`);
        if ((await stat(path.join(destination, archive))).size > largestArchive) {
          throw new HelmError(`the packed chart is larger than ${largestArchive / 1024 ** 2} MiB`);
        }
        const provenance = names.find((name) => name === `${archive}.prov`);
        return {
          archive: await readFile(path.join(destination, archive)),
          ...(provenance === undefined
            ? {}
            : { provenance: await readFile(path.join(destination, provenance), 'utf8') }),
        };
      }),
    verify: ({ archive, provenance, title, keyring }) =>
      inPrivateFolder(async (folder) => {
        const file = path.join(folder, `${title.replaceAll('/', '-')}.tgz`);
        await writeFile(file, archive);
        await writeFile(`${file}.prov`, provenance);
        try {
          await run(folder, ['verify', file, `--keyring=${keyring}`]);
        } catch (thrown) {
          if (!(thrown instanceof HelmError)) throw thrown;
          throw new HelmError(thrown.message.replaceAll(`${folder}/`, ''), { died: thrown.died });
        }
      }),
  };
}

function pullArguments(
  { chart, repository, version, withProvenance }: PullRequest,
  destination: string,
  { registryConfig, caFile }: ChartPullerOptions,
): string[] {
  return [
    'pull',
    ...(repository === undefined ? [] : [`--repo=${repository}`]),
    `--version=${version}`,
    `--destination=${destination}`,
    ...(withProvenance ? ['--prov'] : []),
    ...(caFile === undefined ? [] : [`--ca-file=${path.resolve(caFile)}`]),
    ...(registryConfig === undefined ? [] : [`--registry-config=${path.resolve(registryConfig)}`]),
    '--',
    chart,
  ];
}
