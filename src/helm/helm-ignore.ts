import { HelmError } from './types.ts';

interface Rule {
  matches(file: string): boolean;
  foldersOnly: boolean;
}

/**
 * Reads a .helmignore: comments, globs of one path segment (`*`, `?`, `[a-z]`), anchoring by a slash, a trailing slash
 * for folders only. As in helm, templates whose names begin with a dot are always ignored.
 * @returns whether a path (with `/`, relative to the chart) is left out
 * @throws HelmError for `!` and `**`, whose meaning in helm differs from what one expects
 */
export function parseHelmIgnore(text: string): (file: string, isFolder: boolean) => boolean {
  const rules = ['templates/.?*', ...text.split('\n')]
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseRule);
  return (file, isFolder) => rules.some((rule) => (isFolder || !rule.foldersOnly) && rule.matches(file));
}

function parseRule(line: string): Rule {
  if (line.startsWith('!') || line.includes('**')) {
    throw new HelmError(`.helmignore: the pattern ${line} is not supported; write it without ! and **`);
  }
  const foldersOnly = line.endsWith('/');
  const pattern = foldersOnly ? line.slice(0, -1) : line;
  const anchored = pattern.includes('/');
  const expression = globExpression(pattern.replace(/^\//, ''));
  return {
    foldersOnly,
    matches: (file) => expression.test(anchored ? file : file.slice(file.lastIndexOf('/') + 1)),
  };
}

function globExpression(glob: string): RegExp {
  const source = glob.replace(/\[[^\]]+\]|[*?]|[.+^${}()|\\[\]]/g, (token) => {
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return token.length > 1 ? token.replaceAll('\\', '\\\\') : `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}
