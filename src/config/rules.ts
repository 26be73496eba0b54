/** Rules that environment and file share. Each completes "... must", and none repeats a value: it may be secret. */
import { isDnsLabel } from '../lib/names.ts';
import { isNamespacePattern } from '../lib/namespace-pattern.ts';

export interface Rule {
  test(text: string): boolean;
  must: string;
}

export const usernameRule: Rule = {
  test: (text) => /^[^:\p{Cc}]+$/u.test(text),
  must: 'hold no colon and no control character (RFC 7617)',
};

export const labelRule = (example: string): Rule => ({
  test: isDnsLabel,
  must: `be at most 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit, for example ${example}`,
});

export const namespaceRule: Rule = {
  test: isNamespacePattern,
  must: 'be the name of a namespace or a glob, for example team-*',
};
