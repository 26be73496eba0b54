import type { Complaint } from '../lib/explain-issues.ts';
import { TemplateError } from '../template/types.ts';
import { checkTemplate, type Readable } from './check-templates.ts';
import type { PlanDefinition } from './offering-file.ts';
import { renderSample } from './sample-scope.ts';

export interface UrlRules {
  readable: Readable;
  /** For example `https:`. */
  schemes: readonly string[];
}

/** Checks the template of a URL: what it reads, and as far as can be known without an instance, how it begins. */
export function checkUrl(
  text: string,
  path: (string | number)[],
  plan: PlanDefinition,
  { readable, schemes }: UrlRules,
): Complaint[] {
  const { template, complaints } = checkTemplate(text, path, plan, readable);
  if (template === undefined || complaints.length > 0) return complaints;
  const message = `\`${path.at(-1) ?? ''}\` must be a URL that begins with ${schemes.join(' or ')}`;
  const wrong = [{ path, message }];
  try {
    const sample = renderSample(template, plan);
    if (sample === undefined) return mayBegin(text, schemes) ? [] : wrong;
    const url = typeof sample === 'string' ? URL.parse(sample) : null;
    return url !== null && schemes.includes(url.protocol) ? [] : wrong;
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return [{ path: thrown.path, message: thrown.message }];
  }
}

/** Judges by what stands before the first expression. */
function mayBegin(text: string, schemes: readonly string[]): boolean {
  const [start = ''] = text.split('${');
  return schemes.some((scheme) => start.startsWith(scheme) || scheme.startsWith(start));
}
