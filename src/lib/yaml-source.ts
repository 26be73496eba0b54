/** A YAML file that remembers where each value stands, so that a problem found later can point to its line. */
import {
  type Document,
  type ErrorCode,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

export type Path = readonly PropertyKey[];

/** One thing wrong in a YAML file, with how to mend it. */
export interface YamlProblem {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
}

export interface YamlSource {
  readonly file: string;
  /** Undefined when the file is no YAML map; `problems` tells why. */
  readonly content: JsonObject | undefined;
  readonly problems: YamlProblem[];
  /** The position of the value at a path, or of the nearest thing above it that is there. */
  locate(path: Path): Location;
}

interface Location {
  line: number;
  column: number;
  /** How much of the path is there. */
  depth: number;
}

const maxAliasCount = 100;

/** The library's own messages quote the file, which may hold passwords: these do not. */
const syntaxMessages: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'there is no anchor for this alias; put a text that begins with * in quotes',
  BAD_DQ_ESCAPE: 'no such escape in double quotes; use single quotes, or write \\\\ for \\',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_SCALAR_START: 'put a text that begins with this character in quotes',
  DUPLICATE_KEY: 'this key is here twice; leave one of them',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTIPLE_DOCS: 'the file must hold one document; begin another one in a file of its own',
  TAB_AS_INDENT: 'tabs do not indent; use spaces',
  TAG_RESOLVE_FAILED: 'there is no such tag; put a text that begins with ! in quotes',
};
const otherSyntax = 'this is not YAML; put a text with special characters in quotes';

/** @param holds what the map is to hold, completing "the file must hold one map, ..." */
export function parseYamlSource(file: string, text: string, holds: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const locate = (path: Path): Location => {
    const { offset, depth } = findOffset(document, path);
    return { ...at(offset), depth };
  };
  const problem = (offset: number, message: string): YamlProblem => ({ file, ...at(offset), message });
  const syntax = (offset: number, code: ErrorCode) => problem(offset, syntaxMessages[code] ?? otherSyntax);
  const problems = [
    ...[...document.errors, ...document.warnings].map(({ pos, code }) => syntax(pos[0], code)),
    ...danglingAliases(document).map((offset) => syntax(offset, 'BAD_ALIAS')),
  ];
  if (problems.length > 0) return { file, content: undefined, problems, locate };
  const content = readContent(document);
  if (isJsonObject(content)) return { file, content, problems, locate };
  const message =
    content === undefined
      ? `its aliases stand for more than ${maxAliasCount} values; write them out`
      : `the file must hold one map, ${holds}`;
  return { file, content: undefined, problems: [problem(0, message)], locate };
}

/** @returns undefined when the aliases multiply beyond measure */
function readContent(document: Document): JsonValue | undefined {
  try {
    return document.toJS({ maxAliasCount }) as JsonValue;
  } catch {
    return undefined;
  }
}

function danglingAliases(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined) offsets.push(alias.range?.[0] ?? 0);
    },
  });
  return offsets;
}

function findOffset(document: Document, path: Path): { offset: number; depth: number } {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  let depth = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      // The key is what one looks for in the file; the value may begin on the next line.
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step] as Node;
      offset = node.range?.[0] ?? offset;
    } else break;
    depth += 1;
  }
  return { offset, depth };
}
