import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChandlerError } from '../domain/errors.ts';
import type { Store } from '../store/types.ts';

export interface ChartFolder {
  /** Path of the packed chart with this digest, fetched from Postgres the first time. */
  pathOf(digest: string): Promise<string>;
  remove(): Promise<void>;
}

const prefix = 'chandler-charts-';

/** A private folder where helm finds the packed charts of plan revisions. */
export async function openChartFolder(store: Pick<Store, 'findChart'>): Promise<ChartFolder> {
  await removeLeftBehind();
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const fetched = new Map<string, Promise<string>>();

  async function fetchChart(digest: string): Promise<string> {
    const archive = await store.findChart(digest);
    if (archive === undefined) {
      throw new ChandlerError('Internal', { cause: new Error(`no chart with digest ${digest}`) });
    }
    const path = join(folder, `${digest.replaceAll(/[^a-z0-9]/g, '-')}.tgz`);
    await writeFile(`${path}.part`, archive);
    await rename(`${path}.part`, path);
    return path;
  }

  return {
    pathOf(digest) {
      const known = fetched.get(digest);
      if (known !== undefined) return known;
      const path = fetchChart(digest);
      fetched.set(digest, path);
      path.catch(() => fetched.delete(digest));
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A process that was killed could not remove its folder; its pid in the name tells that it is gone. */
async function removeLeftBehind(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]);
    if (Number.isInteger(pid) && !isAlive(pid)) {
      // One of another user stays; it is theirs to remove.
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
