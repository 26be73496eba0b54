import path from 'node:path';
import { firstExecutable } from './confine.ts';
import { createHelm } from './create-helm.ts';
import { HelmError } from './types.ts';

/** Where a helm is when the caller names no folders. */
const usualFolders = '/usr/local/bin:/usr/bin:/bin';

/** Older ones extract charts to wherever the chart says (CVE-2026-35206), among other faults. */
const oldest = { 4: [4, 1, 4], 3: [3, 20, 2] } as const;

/**
 * Finds a helm that is new enough.
 * @param helmPath the helm to use; without it the first one on the search path
 * @param searchPath folders to search, as in the environment variable PATH
 * @returns the absolute path of the binary
 * @throws HelmError when there is none or it is too old
 */
export async function findHelm(helmPath?: string, searchPath: string = usualFolders): Promise<string> {
  const candidates =
    helmPath === undefined
      ? searchPath
          .split(path.delimiter)
          .filter((folder) => path.isAbsolute(folder))
          .map((folder) => path.join(folder, 'helm'))
      : [path.resolve(helmPath)];
  const found = await firstExecutable(candidates);
  if (found === undefined) {
    throw new HelmError(
      helmPath === undefined
        ? `there is no helm in ${searchPath}; install helm 4.1.4 or later, or name one by CHANDLER_HELM`
        : `there is no executable helm at ${helmPath}`,
    );
  }
  const version = await createHelm({ helmPath: found }).version();
  if (!isNewEnough(version)) {
    throw new HelmError(`${found} is helm ${version}; 4.1.4 or later is needed (3.20.2 or later of helm 3)`);
  }
  return found;
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
