/** A catalog of its own for a test: ours, with templates of the PostgreSQL chart edited. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CatalogCopy {
  /** For CHANDLER_CATALOG. */
  folder: string;
  remove(): Promise<void>;
}

/** @param edits text of a template file -> edited text, by the file's name */
export async function copyCatalog(edits: Record<string, (text: string) => string>): Promise<CatalogCopy> {
  const root = await mkdtemp(join(tmpdir(), 'chandler-test-catalog-'));
  const folder = join(root, 'catalog');
  const chart = join(root, 'charts', 'postgresql');
  await cp('catalog', folder, { recursive: true });
  await cp('charts/postgresql', chart, { recursive: true });
  for (const [file, edit] of Object.entries(edits)) {
    const path = join(chart, 'templates', file);
    const text = await readFile(path, 'utf8');
    const edited = edit(text);
    if (edited === text) throw new Error(`the edit of ${file} changed nothing`);
    await writeFile(path, edited);
  }
  return { folder, remove: () => rm(root, { recursive: true }) };
}

/** A size of the data volume by which an instance asks for what an edited template does only for it. */
export const markedStorage = '1025Mi';

/** Template text that is there only for instances with {@link markedStorage}. */
export function onlyMarked(text: string): string {
  return `{{- if eq .Values.storage.size "${markedStorage}" }}\n${text}\n{{- end }}`;
}
