// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** A string leaf, taken apart: literal text and the source of `${...}` expressions, in order. */
export type TemplatePart = { kind: 'text'; text: string } | { kind: 'expression'; source: string };

/** A `${` whose `}` is missing. */
export class UnclosedExpression extends Error {
  override readonly name = 'UnclosedExpression';
}

/**
 * Splits a string leaf. `$${` stands for a literal `${`. Braces inside the expression's strings, comments, maps and
 * nested braces do not close it. A dollar sign right before an expression is written `${"$"}${...}`.
 * @throws UnclosedExpression
 */
export function splitTemplate(leaf: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let text = '';
  let at = 0;
  while (at < leaf.length) {
    if (leaf.startsWith('$${', at)) {
      text += '${';
      at += 3;
    } else if (leaf.startsWith('${', at)) {
      const end = findExpressionEnd(leaf, at + 2);
      if (text !== '') parts.push({ kind: 'text', text });
      text = '';
      parts.push({ kind: 'expression', source: leaf.slice(at + 2, end) });
      at = end + 1;
    } else {
      text += leaf[at];
      at += 1;
    }
  }
  if (text !== '') parts.push({ kind: 'text', text });
  return parts;
}

/** Index of the `}` that closes the expression that begins at `start`. */
function findExpressionEnd(leaf: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < leaf.length) {
    const character = leaf[at];
    if (character === '"' || character === "'") at = skipString(leaf, at);
    else if (leaf.startsWith('//', at)) at = endOfLine(leaf, at);
    else if (character === '}' && depth === 0) return at;
    else {
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      at += 1;
    }
  }
  throw new UnclosedExpression('an expression that starts with ${ has no closing }');
}

/** Index after the string literal whose opening quote is at `open`; CEL strings may be tripled. */
function skipString(leaf: string, open: number): number {
  const quote = leaf[open] as string;
  const fence = leaf.startsWith(quote.repeat(3), open) ? quote.repeat(3) : quote;
  let at = open + fence.length;
  while (at < leaf.length) {
    if (leaf.startsWith(fence, at)) return at + fence.length;
    at += leaf[at] === '\\' ? 2 : 1;
  }
  return at;
}

function endOfLine(leaf: string, at: number): number {
  const end = leaf.indexOf('\n', at);
  return end === -1 ? leaf.length : end;
}
