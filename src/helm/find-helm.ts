import path from 'node:path';
import { firstExecutable } from './confine.ts';
import { createHelm } from './create-helm.ts';
import { HelmError } from './types.ts';

export interface FindHelmOptions {
  /** The helm to use; without it the first one on the search path. */
  helmPath?: string;
  /** Folders to search, separated as in the environment variable PATH. */
  searchPath?: string;
}

/** Older ones extract charts to wherever the chart says (CVE-2026-35206), among other faults. */
const oldest = { 4: [4, 1, 4], 3: [3, 20, 2] } as const;

/**
 * Finds a helm that is new enough.
 * @returns the absolute path of the binary
 * @throws HelmError when there is none or it is too old
 */
export async function findHelm(options: FindHelmOptions): Promise<string> {
  const candidates =
    options.helmPath === undefined
      ? (options.searchPath ?? '')
          .split(path.delimiter)
          .filter(path.isAbsolute)
          .map((folder) => path.join(folder, 'helm'))
      : [path.resolve(options.helmPath)];
  const helmPath = await firstExecutable(candidates);
  if (helmPath === undefined) {
    throw new HelmError(
      options.helmPath === undefined
        ? 'there is no helm on the search path; install helm 4.1.4 or later'
        : `there is no executable helm at ${options.helmPath}`,
    );
  }
  const version = await createHelm({ helmPath }).version();
  if (!isNewEnough(version)) {
    throw new HelmError(
      `${helmPath} is helm ${version}; 4.1.4 or later is needed (3.20.2 or later of helm 3)`,
    );
  }
  return helmPath;
}

/** Whether a version such as `v4.1.4` is at least the oldest that we trust. */
export function isNewEnough(version: string): boolean {
  const numbers = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (numbers === undefined) return false;
  const wanted = numbers[0] === 3 ? oldest[3] : oldest[4];
  for (const [index, least] of wanted.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
}
