/** A YAML file that remembers where each value stands, so that a problem found later can point to its line. */
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import type { CatalogProblem } from './types.ts';

export type Path = readonly PropertyKey[];

export interface YamlSource {
  readonly file: string;
  /** Undefined when the file is no YAML map; `problems` tells why. */
  readonly content: JsonObject | undefined;
  readonly problems: CatalogProblem[];
  /** The position of the value at a path, or of the nearest thing above it that is there. */
  locate(path: Path): Location;
}

export interface Location {
  line: number;
  column: number;
  /** How much of the path is there. */
  depth: number;
}

const maxAliasCount = 100;

export function parseYamlSource(file: string, text: string): YamlSource {
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
  const problems = document.errors.map((error) => ({
    file,
    ...at(error.pos[0]),
    message: (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:$/, ''),
  }));
  if (problems.length > 0) return { file, content: undefined, problems, locate };
  const content = readContent(document);
  if (isJsonObject(content)) return { file, content, problems, locate };
  return {
    file,
    content: undefined,
    problems: [{ file, line: 1, column: 1, message: 'the file must hold one map, a ServiceOffering' }],
    locate,
  };
}

function readContent(document: Document): JsonValue | undefined {
  try {
    return document.toJS({ maxAliasCount }) as JsonValue;
  } catch {
    return undefined;
  }
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
