import { ChandlerError } from '../domain/errors.ts';
import type { Cluster, KubeObject } from '../kube/types.ts';

/**
 * Stands between rendering and applying: an object that leaves the instance's namespace, or that a plain apply could
 * not keep (hooks), is refused before anything reaches the cluster.
 * @throws ChandlerError `ApplyRejected`
 */
export async function checkPolicy(
  objects: readonly KubeObject[],
  namespace: string,
  cluster: Cluster,
): Promise<void> {
  for (const object of objects) {
    const what = `${object.kind} ${object.metadata.name}`;
    const given = object.metadata.namespace;
    if (given !== undefined && given !== namespace) {
      throw refused(`${what} names another namespace (${given})`);
    }
    if (object.metadata.annotations?.['helm.sh/hook'] !== undefined) {
      throw refused(`${what} is a Helm hook; charts with hooks need another mode`);
    }
    if (!(await cluster.isNamespaced(object))) {
      throw refused(`${what} is cluster-scoped`);
    }
  }
}

function refused(reason: string): ChandlerError {
  return new ChandlerError('ApplyRejected', {
    sentence: `The plan makes an object that is not allowed: ${reason}.`,
  });
}
