import { constants } from 'node:fs';
import { access } from 'node:fs/promises';

/**
 * The command prefix that confines a child: killed when the thread that started it ends (prctl PR_SET_PDEATHSIG),
 * no new privileges, bounded address space, no core files, bounded files. Tools that this machine lacks are left
 * out: then a helm outlives a killed Chandler by at most its own work.
 */
export async function confinement(limits: {
  maxMemoryBytes: number;
  /** 0: it may write none. */
  maxFileBytes: number;
}): Promise<string[]> {
  const [setpriv, prlimit] = await Promise.all([findTool('setpriv'), findTool('prlimit')]);
  return [
    ...(setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--no-new-privs', '--']),
    ...(prlimit === undefined
      ? []
      : [prlimit, `--as=${limits.maxMemoryBytes}`, '--core=0', `--fsize=${limits.maxFileBytes}`, '--']),
  ];
}

const found = new Map<string, Promise<string | undefined>>();

function findTool(name: string): Promise<string | undefined> {
  let path = found.get(name);
  if (path === undefined) {
    path = firstExecutable(['/usr/bin', '/bin'].map((folder) => `${folder}/${name}`));
    found.set(name, path);
  }
  return path;
}

/** The first of these paths that this process may execute. */
export async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // The next one may be there.
    }
  }
  return undefined;
}
