import { Redacted } from '../lib/redacted.ts';

export type ReadTextFile = (path: string) => string;

/** What a file of one secret holds, or a phrase that says what is wrong with it, to be put behind the setting's name. */
export function readSecretFile(path: string, readTextFile: ReadTextFile): Redacted<string> | string {
  try {
    // Editors and `kubectl create secret --from-file` leave a line end that nobody means.
    const text = readTextFile(path).replace(/\r?\n$/, '');
    return text === '' ? 'names an empty file' : new Redacted(text);
  } catch (error) {
    return `cannot be read: ${reasonOf(error)}`;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
