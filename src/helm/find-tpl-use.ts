/** Whether a chart could run text of a value as a template: helm has one function for it, `tpl`. */
import { everyFile } from './read-archive.ts';

/**
 * Looks through the templates of a packed chart and of its subcharts, unpacked or not.
 * @returns the first file that uses `tpl`
 * @throws HelmError for an archive that is none, too deep or too large
 */
export async function findTplUse(archive: Buffer): Promise<string | undefined> {
  for await (const [file, content] of everyFile(archive)) {
    if (/(^|\/)templates\//.test(file) && usesTpl(content.toString('utf8'))) return file;
  }
  return undefined;
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
