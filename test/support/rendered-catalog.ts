/** A catalog of test/support in a folder of its own, for one mode of helm. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every mode in which a chart can be made; tests of what must hold in each run over all of them. */
export const helmModes = ['render', 'release'] as const;
export type HelmMode = (typeof helmModes)[number];

/**
 * @param source folder below test/support with `catalog` and `charts`
 * @returns what CHANDLER_CATALOG should say
 */
export async function copyForMode(
  source: string,
  mode: HelmMode,
): Promise<{ folder: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'chandler-test-catalog-'));
  await cp(join('test/support', source), root, { recursive: true });
  const folder = join(root, 'catalog');
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    await writeFile(join(folder, file), text.replaceAll('mode: render', `mode: ${mode}`));
  }
  return { folder, remove: () => rm(root, { recursive: true }) };
}
