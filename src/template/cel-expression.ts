/** Compiles and evaluates single CEL expressions; the only file that knows the CEL library's environment and tree. */
import {
  type ASTNode,
  Environment,
  EvaluationError,
  ParseError,
  TypeError as TypeFault,
} from '@marcbachmann/cel-js';
import type { JsonValue } from '../lib/json.ts';
import { parseQuantity } from '../lib/quantity.ts';
import { fromCel, NotJson, toCel } from './cel-values.ts';
import { MissingValue, type TemplateScope } from './types.ts';

/** A name and, where the expression says so, the key read from it: `plan.cpu` is `{ name: 'plan', key: 'cpu' }`. */
export interface Reference {
  name: string;
  key?: string;
  /** The same expression asks `has(name.key)`, so it copes without the key. */
  guarded: boolean;
}

export interface CelExpression {
  readonly source: string;
  readonly references: readonly Reference[];
  /** @throws MissingValue, CelFault */
  evaluate(scope: TemplateScope): JsonValue;
}

/** An expression that does not compile or cannot be evaluated. The message never holds values of the scope. */
export class CelFault extends Error {
  override readonly name = 'CelFault';
}

const base = new Environment({
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 10_000, maxDepth: 100 },
}).registerFunction('quantity(string): double', amountOf);
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A quantity of Kubernetes as a number of its unit, so that expressions can compare `10Gi` with `2Ti`. */
function amountOf(text: string): number {
  const millionths = parseQuantity(text);
  if (millionths === undefined) throw new EvaluationError('not a quantity');
  return Number(millionths) / 1e6;
}

/** Whether a text may be an id that expressions read: a CEL identifier that is neither reserved nor a type's name. */
export function isCelIdentifier(text: string): boolean {
  if (!identifier.test(text) || base.hasVariable(text)) return false;
  try {
    return base.parse(text).ast.op === 'id';
  } catch {
    return false;
  }
}

/** Gives the compiler for expressions that may read exactly these names. Names that are no CEL identifiers are not readable. */
export function celCompiler(known: ReadonlySet<string>): (source: string) => CelExpression {
  const environment = base.clone();
  for (const name of known) if (isCelIdentifier(name)) environment.registerVariable(name, 'dyn');

  return (source) => {
    const parsed = compile(environment, source);
    const references = listReferences(parsed.ast);
    const names = new Set(references.map(({ name }) => name));
    return {
      source,
      references,
      evaluate(scope) {
        const context = new Map<string, unknown>();
        for (const name of names) {
          const value = Object.hasOwn(scope, name) ? scope[name] : undefined;
          if (value !== undefined) context.set(name, toCel(value));
        }
        return run(source, () => parsed(context));
      },
    };
  };
}

function compile(environment: Environment, source: string): ReturnType<Environment['parse']> {
  try {
    const parsed = environment.parse(source);
    const { error } = parsed.check();
    if (error !== undefined) throw error;
    return parsed;
  } catch (thrown) {
    if (thrown instanceof ParseError || thrown instanceof TypeFault) {
      throw new CelFault(`\`${source.trim()}\`: ${thrown.summary}`);
    }
    throw thrown;
  }
}

const missingCodes = new Set(['no_such_key', 'index_out_of_bounds', 'unknown_variable']);

function run(source: string, evaluate: () => unknown): JsonValue {
  try {
    return fromCel(evaluate());
  } catch (thrown) {
    if (thrown instanceof NotJson) throw new CelFault(`\`${source.trim()}\` gives ${thrown.message}`);
    if (!(thrown instanceof EvaluationError)) throw thrown;
    if (missingCodes.has(thrown.code)) throw new MissingValue(`\`${source.trim()}\`: ${missingWhat(thrown)}`);
    // The library's own sentence may quote a value, so only its code is kept.
    throw new CelFault(`\`${source.trim()}\`: ${thrown.code.replaceAll('_', ' ')}`);
  }
}

function missingWhat(fault: EvaluationError): string {
  const source = fault.node?.input;
  const range = fault.range;
  if (source === undefined || range === undefined) return 'not there';
  return `${source.slice(range.start, range.end)} is not there`;
}

const macrosWithVariable = new Set(['map', 'filter', 'all', 'exists', 'exists_one']);

function listReferences(root: ASTNode): Reference[] {
  const references: Omit<Reference, 'guarded'>[] = [];
  const guarded = new Set<string>();

  const visit = (node: ASTNode, bound: ReadonlySet<string>): void => {
    const read = readOf(node);
    if (read !== undefined) {
      if (!bound.has(read.name)) references.push(read);
      return;
    }
    if (node.op === 'call' && node.args[0] === 'has') {
      const asked = node.args[1][0];
      const checked = asked === undefined ? undefined : readOf(asked);
      if (checked?.key !== undefined) guarded.add(JSON.stringify([checked.name, checked.key]));
    }
    if (node.op === 'rcall') {
      const [method, receiver, args] = node.args;
      visit(receiver, bound);
      const variable = args[0];
      const binds = macrosWithVariable.has(method) || (method === 'bind' && receiver.op === 'id');
      const inner = binds && variable?.op === 'id' ? new Set([...bound, variable.args]) : bound;
      for (const arg of args) visit(arg, inner);
      return;
    }
    for (const child of childrenOf(node)) visit(child, bound);
  };

  visit(root, new Set(['cel']));
  return references.map((reference) => ({
    ...reference,
    guarded: reference.key !== undefined && guarded.has(JSON.stringify([reference.name, reference.key])),
  }));
}

/** `name`, `name.key` or `name["key"]`. */
function readOf(node: ASTNode): { name: string; key?: string } | undefined {
  if (node.op === 'id') return { name: node.args };
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [target, key] = node.args;
  if (target.op !== 'id') return undefined;
  if (typeof key === 'string') return { name: target.args, key };
  return key.op === 'value' && typeof key.args === 'string'
    ? { name: target.args, key: key.args }
    : undefined;
}

function childrenOf(node: ASTNode): ASTNode[] {
  if (node.op === 'value' || node.op === 'id') return [];
  if (node.op === '.' || node.op === '.?') return [node.args[0]];
  if (node.op === '!_' || node.op === '-_') return [node.args];
  if (node.op === 'call') return node.args[1];
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]];
  return node.args.flat();
}
