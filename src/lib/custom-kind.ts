/**
 * Whether a kind is one that somebody added to Kubernetes: an operator stands behind it, and what it holds and when it is
 * ready only that operator knows. Groups of Kubernetes itself have no dot, or end in `.k8s.io`.
 * @param apiVersion `group/version`, or `v1` for the core group
 */
export function isCustomKind(apiVersion: string): boolean {
  const [group = '', version] = apiVersion.split('/');
  return version !== undefined && group.includes('.') && !group.endsWith('.k8s.io');
}
