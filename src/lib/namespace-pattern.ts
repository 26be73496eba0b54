/** Names of namespaces, or globs in which `*` stands for any characters. */
const shape = /^[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?$/;

/** Whether a text may be such a pattern. */
export function isNamespacePattern(text: string): boolean {
  return shape.test(text);
}

/** Whether the name of a namespace fits a pattern. */
export function matchesNamespace(pattern: string, namespace: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return namespace === pattern;
  if (!namespace.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const found = namespace.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return namespace.length - last.length >= from && namespace.endsWith(last);
}
