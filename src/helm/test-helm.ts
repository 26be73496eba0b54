/** Where tests find a real helm. */

/** The helm that CHANDLER_HELM names, else the one that the local cluster's tools bring along. */
export async function testHelmPath(): Promise<string> {
  const given = process.env.CHANDLER_HELM;
  if (given !== undefined) return given;
  // Not a static import: rooms know nothing of the cluster folder, only their tests borrow its helm.
  const tools = new URL('../../cluster/helm.ts', import.meta.url).href;
  const { ensureHelm } = (await import(tools)) as { ensureHelm(): Promise<string> };
  return ensureHelm();
}
