/** The files of a packed chart, under limits: whoever packed it is not trusted to have meant well. */
import { Parser } from 'tar';
import { HelmError } from './types.ts';

/** Subcharts may hold subcharts; helm has no limit of its own. */
const deepest = 5;
const mostBytes = 64 * 1024 * 1024;
const mostFiles = 10_000;

/** What one walk may still read, subcharts included. */
interface Budget {
  bytes: number;
  files: number;
}

/**
 * The files of an archive by the path they are packed under, folders left out.
 * @throws HelmError for what is no archive, is too large, or holds a link, a special file or a path twice
 */
export function filesOf(
  archive: Buffer,
  budget: Budget = { bytes: mostBytes, files: mostFiles },
): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    const fail = (message: string) => {
      reject(new HelmError(message));
      parser.abort(new Error(message));
    };
    const tooLarge = 'the chart, or a subchart in it, is no archive or too large';
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        const parts: Buffer[] = [];
        const isFile = entry.type === 'File' || entry.type === 'OldFile';
        if (!isFile && entry.type !== 'Directory')
          fail(`the chart holds ${entry.path}, which is no regular file`);
        if (isFile && files.has(entry.path)) fail(`the chart holds ${entry.path} twice`);
        budget.files -= 1;
        if (budget.files < 0) fail(tooLarge);
        entry.on('data', (part) => {
          budget.bytes -= part.length;
          if (budget.bytes < 0) fail(tooLarge);
          else parts.push(part);
        });
        entry.on('end', () => {
          if (isFile) files.set(entry.path, Buffer.concat(parts));
        });
      },
    });
    parser.on('error', () => reject(new HelmError(tooLarge)));
    parser.on('end', () => resolve(files));
    parser.end(archive);
  });
}

/**
 * Every file of a packed chart and of its subcharts, unpacked or not; those of a packed subchart as `file.tgz: path`.
 * @throws HelmError as filesOf, and for subcharts that are too deep
 */
export async function* everyFile(
  archive: Buffer,
  depth = 0,
  budget: Budget = { bytes: mostBytes, files: mostFiles },
): AsyncGenerator<[file: string, content: Buffer]> {
  if (depth > deepest) throw new HelmError(`the chart holds subcharts deeper than ${deepest} levels`);
  for (const [file, content] of await filesOf(archive, budget)) {
    yield [file, content];
    if (!file.endsWith('.tgz')) continue;
    for await (const [inner, text] of everyFile(content, depth + 1, budget))
      yield [`${file}: ${inner}`, text];
  }
}
