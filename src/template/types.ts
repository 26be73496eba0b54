import type { JsonValue } from '../lib/json.ts';

/** Names that expressions may read, for example `{ plan: {...}, parameters: {...}, admin: {...} }`. */
export type TemplateScope = Record<string, JsonValue>;

/** Thrown when a template does not compile; `path` leads to the leaf. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly path: (string | number)[];
  constructor(path: (string | number)[], message: string) {
    super(message);
    this.path = path;
  }
}

/** Thrown by render when an expression reads a key that is not there (yet). */
export class MissingValue extends Error {
  override readonly name = 'MissingValue';
}

/** A JSON tree whose string leaves may hold `${...}` CEL expressions, compiled. */
export interface Template {
  /** The top-level names that the expressions read, for example `plan`, `admin`. */
  readonly references: ReadonlySet<string>;
  /** @throws MissingValue, TemplateError */
  render(scope: TemplateScope): JsonValue;
}
