import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { filesOf } from './read-archive.ts';
import { HelmError } from './types.ts';

/**
 * Writes the files of a packed chart into a folder that is empty, without the folder that they are packed in.
 * @throws HelmError for what filesOf refuses, and for a path that leads out of the chart
 */
export async function unpackChart(archive: Buffer, folder: string): Promise<void> {
  const files = await filesOf(archive);
  for (const [file, content] of files) {
    const [top, ...rest] = file.split('/');
    const isInside = rest.length > 0 && [top, ...rest].every(isPlain);
    if (!isInside) throw new HelmError(`the chart holds ${file}, a path that leads out of it`);
    const target = path.join(folder, ...rest);
    try {
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, content, { flag: 'wx', mode: 0o600 });
    } catch {
      throw new HelmError(`the chart holds ${file}, which cannot be written beside its other files`);
    }
  }
  const tops = new Set([...files.keys()].map((file) => file.split('/')[0]));
  if (tops.size > 1) throw new HelmError(`the archive holds several folders: ${[...tops].sort().join(', ')}`);
}

function isPlain(part: string | undefined): boolean {
  return part !== undefined && part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part);
}
