// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { type CelExpression, CelFault, celCompiler, type Reference } from './cel-expression.ts';
import { splitTemplate, UnclosedExpression } from './split-template.ts';
import { MissingValue, type Template, TemplateError, type TemplateScope } from './types.ts';

type Path = (string | number)[];

export interface CompileOptions {
  /** Where the value stands in its file; errors carry it, extended to the leaf. */
  path?: Path;
  /** Top-level names that expressions may read. */
  known: ReadonlySet<string>;
}

/** A template that also tells what its expressions read, in detail, so that a catalog can find misspelt keys. */
export interface CompiledTemplate extends Template {
  readonly reads: readonly (Reference & { path: Path })[];
  /** Whether the whole value is one single expression. */
  readonly isExpression: boolean;
}

type Render = (scope: TemplateScope) => JsonValue;

/**
 * Compiles a JSON tree whose string leaves may hold `${...}` CEL expressions. A leaf that is exactly one expression
 * keeps the type of its result; any other leaf becomes a string. `$${` is a literal `${`. Keys are never templates.
 * What an expression reads is data: it is never parsed again.
 * @throws TemplateError for an expression that is not CEL, reads an unknown name or does not type-check
 */
export function compileTemplate(value: JsonValue, options: CompileOptions): CompiledTemplate {
  const compile = celCompiler(options.known);
  const reads: (Reference & { path: Path })[] = [];

  const compileNode = (node: JsonValue, path: Path): Render => {
    if (typeof node === 'string') return compileLeaf(node, path);
    if (Array.isArray(node)) {
      const items = node.map((item, index) => compileNode(item, [...path, index]));
      return (scope) => items.map((item) => item(scope));
    }
    if (isJsonObject(node)) {
      const entries = Object.entries(node).map(
        ([key, item]) => [key, compileNode(item, [...path, key])] as const,
      );
      return (scope) => Object.fromEntries(entries.map(([key, item]) => [key, item(scope)]));
    }
    return () => node;
  };

  const compileLeaf = (leaf: string, path: Path): Render => {
    const parts = locating(path, () =>
      splitTemplate(leaf).map((part) => (part.kind === 'text' ? part.text : compile(part.source))),
    );
    for (const part of parts) {
      if (typeof part !== 'string') reads.push(...part.references.map((read) => ({ ...read, path })));
    }
    const [first] = parts;
    if (first !== undefined && typeof first !== 'string' && parts.length === 1) {
      return (scope) => locating(path, () => first.evaluate(scope));
    }
    return (scope) => locating(path, () => parts.map((part) => textOf(part, scope)).join(''));
  };

  const render = compileNode(value, options.path ?? []);
  return {
    reads,
    references: new Set(reads.map(({ name }) => name)),
    isExpression: typeof value === 'string' && isSingleExpression(value),
    render,
  };
}

/**
 * Evaluates a condition such as an entry of `readyWhen`. A missing key means that it does not hold yet.
 * @throws TemplateError when it gives anything but true or false
 */
export function evaluateCondition(condition: Template, scope: TemplateScope): boolean {
  try {
    const result = condition.render(scope);
    if (typeof result === 'boolean') return result;
  } catch (thrown) {
    if (thrown instanceof MissingValue) return false;
    throw thrown;
  }
  throw new TemplateError([], 'a condition must be one ${...} expression that gives true or false');
}

function isSingleExpression(leaf: string): boolean {
  const parts = splitTemplate(leaf);
  return parts.length === 1 && parts[0]?.kind === 'expression';
}

function textOf(part: string | CelExpression, scope: TemplateScope): string {
  if (typeof part === 'string') return part;
  const result = part.evaluate(scope);
  if (typeof result === 'object') {
    throw new CelFault(
      `\`${part.source.trim()}\` gives ${result === null ? 'null' : 'a list or a map'} within a text`,
    );
  }
  return String(result);
}

/** Runs, and turns the faults of expressions into TemplateErrors that know their leaf. */
function locating<T>(path: Path, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof CelFault || thrown instanceof UnclosedExpression) {
      throw new TemplateError(path, thrown.message);
    }
    throw thrown;
  }
}
