/** Whether a chart could run text of a value as a template: helm has one function for it, `tpl`. */
import { Parser } from 'tar';
import { HelmError } from './types.ts';

/** Subcharts may hold subcharts; helm has no limit of its own. */
const deepest = 5;
const mostBytes = 64 * 1024 * 1024;

/**
 * Looks through the templates of a packed chart and of its subcharts, unpacked or not.
 * @returns the first file that uses `tpl`
 * @throws HelmError for an archive that is none, too deep or too large
 */
export async function findTplUse(archive: Buffer, depth = 0): Promise<string | undefined> {
  if (depth > deepest) throw new HelmError(`the chart holds subcharts deeper than ${deepest} levels`);
  for (const [file, content] of await filesOf(archive)) {
    if (/(^|\/)templates\//.test(file) && usesTpl(content.toString('utf8'))) return file;
    if (!file.endsWith('.tgz')) continue;
    const found = await findTplUse(content, depth + 1);
    if (found !== undefined) return `${file}: ${found}`;
  }
  return undefined;
}

function filesOf(archive: Buffer): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    let bytes = 0;
    const fail = () => reject(new HelmError('the chart, or a subchart in it, is no archive or too large'));
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        const parts: Buffer[] = [];
        entry.on('data', (part) => {
          bytes += part.length;
          if (bytes > mostBytes) parser.abort(new Error('too large'));
          else parts.push(part);
        });
        entry.on('end', () => files.set(entry.path, Buffer.concat(parts)));
      },
    });
    parser.on('error', fail);
    parser.on('end', () => resolve(files));
    parser.end(archive);
  });
}

/** What a `{{ ... }}` consists of, in so far as it matters: texts, its end, names with what makes them no function. */
const token = /"(?:\\.|[^"\\\n])*"|`[^`]*`|'(?:\\.|[^'\\\n])*'|\}\}|[.$]?[\p{L}_][\p{L}\p{N}_]*|[\s\S]/gu;
const comment = /^\{\{(-[ \t\r\n])?\/\*[\s\S]*?\*\//;

/** Whether a template calls `tpl`. Exact for what Go parses as a template; what it does not parse is never run. */
export function usesTpl(template: string): boolean {
  let at = template.indexOf('{{');
  while (at !== -1) {
    const rest = template.slice(at);
    const skipped = comment.exec(rest)?.[0] ?? '{{';
    let end = rest.length;
    for (const match of rest.slice(skipped.length).matchAll(token)) {
      if (match[0] === 'tpl') return true;
      if (match[0] !== '}}') continue;
      end = skipped.length + match.index + 2;
      break;
    }
    at = template.indexOf('{{', at + end);
  }
  return false;
}
