/** Objects as sweeps look at them: who made them by their labels, never what they hold. */
import {
  type Cluster,
  type KindReference,
  KubeError,
  type KubeObject,
  type ObjectReference,
} from '../kube/types.ts';
import { installationSelector } from '../lib/labels.ts';
import { kubeFailure } from './kube-failure.ts';

export interface LabelledObject extends KindReference {
  /** Empty for cluster-scoped objects. */
  namespace: string;
  name: string;
  uid: string;
  labels: Record<string, string>;
  /** A controller made it from another object, and it goes with that one. */
  owned: boolean;
  terminating: boolean;
}

/**
 * Every object of these kinds that carries the label of the installation. A kind that the cluster does not have has none.
 * @throws ChandlerError `ClusterUnreachable`, `ResourceFailed`
 */
export async function listLabelled(
  cluster: Cluster,
  kinds: readonly KindReference[],
  installationId: string,
): Promise<LabelledObject[]> {
  const labelSelector = installationSelector(installationId);
  const found: LabelledObject[] = [];
  for (const kind of kinds) {
    const objects = await asked(`${kind.kind} could not be listed`, () =>
      cluster.list(kind, { labelSelector, metadataOnly: true }),
    );
    found.push(...(objects ?? []).map(toLabelled));
  }
  return found;
}

/** @throws ChandlerError `ClusterUnreachable`, `ResourceFailed` */
export async function findLabelled(
  cluster: Cluster,
  reference: ObjectReference,
): Promise<LabelledObject | undefined> {
  const doing = `${reference.kind} ${reference.name} could not be read`;
  const found = await asked(doing, () => cluster.get(reference));
  return found === undefined ? undefined : toLabelled(found);
}

async function asked<T>(doing: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.reason === 'UnknownKind') return undefined;
    throw kubeFailure(thrown, 'ResourceFailed', doing);
  }
}

function toLabelled({ apiVersion, kind, metadata }: KubeObject): LabelledObject {
  const { ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    owned: Array.isArray(ownerReferences) && ownerReferences.length > 0,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}
