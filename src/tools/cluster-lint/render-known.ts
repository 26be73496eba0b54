import { isJsonObject, type JsonValue } from '../../lib/json.ts';
import type { Path } from '../../lib/yaml-source.ts';
import { compileTemplate } from '../../template/compile-template.ts';
import { MissingValue, type TemplateScope } from '../../template/types.ts';

/** A leaf of a template that reads what only a real instance has. */
export interface UnknownLeaf {
  path: Path;
  /** As the plan writes it. */
  text: string;
}

/**
 * The part of a template that can be rendered with what is known, still as a template. A list that loses an item goes as
 * a whole, so that the others keep their places.
 * @throws TemplateError
 */
export function keepKnown(
  template: JsonValue,
  scope: TemplateScope,
): { kept: JsonValue | undefined; unknown: UnknownLeaf[] } {
  const known = new Set(Object.keys(scope));
  const unknown: UnknownLeaf[] = [];

  const keep = (node: JsonValue, path: Path): JsonValue | undefined => {
    if (typeof node === 'string') return keepLeaf(node, path);
    if (Array.isArray(node)) {
      const items = node.map((item, index) => keep(item, [...path, index]));
      return items.every((item) => item !== undefined) ? items : undefined;
    }
    if (!isJsonObject(node)) return node;
    const entries = Object.entries(node).map(([key, item]) => [key, keep(item, [...path, key])] as const);
    return Object.fromEntries(
      entries.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
    );
  };

  const keepLeaf = (text: string, path: Path): string | undefined => {
    try {
      compileTemplate(text, { known, path: path.map(String) }).render(scope);
      return text;
    } catch (thrown) {
      if (!(thrown instanceof MissingValue)) throw thrown;
      unknown.push({ path, text });
      return undefined;
    }
  };

  return { kept: keep(template, []), unknown };
}
