/** CustomResourceDefinitions that a chart brings in its `crds/` folders, where the plan says that they are applied. */
import { readFile } from 'node:fs/promises';
import { readCrds } from '../helm/find-crds.ts';
import { type Cluster, KubeError } from '../kube/types.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Makes the definitions that the cluster lacks. One that stands is nobody's to change: every instance of every plan
 * shares it, as with helm, and no inventory names it, so that it goes with none.
 * @returns a kind that the cluster does not serve yet
 * @throws ChandlerError `ApplyRejected`, `ClusterUnreachable`
 */
export async function bringDefinitions(
  chartDigest: string,
  {
    chartPath,
    cluster,
  }: Pick<InstanceTarget, 'chartPath'> & {
    cluster: Pick<Cluster, 'get' | 'create' | 'isNamespaced'>;
  },
): Promise<string | undefined> {
  const archive = await readFile(await chartPath(chartDigest));
  const definitions = await readCrds(archive);
  for (const definition of definitions) {
    const { apiVersion, kind, metadata } = definition;
    try {
      if ((await cluster.get({ apiVersion, kind, name: metadata.name })) === undefined) {
        await cluster.create(definition);
      }
    } catch (thrown) {
      if (thrown instanceof KubeError && thrown.reason === 'AlreadyExists') continue;
      throw kubeFailure(thrown, 'ApplyRejected', `Kubernetes rejected ${kind} ${metadata.name}`);
    }
  }
  for (const { spec } of definitions) {
    for (const { name, served } of spec.versions) {
      const kind = { apiVersion: `${spec.group}/${name}`, kind: spec.names.kind };
      if (served && !(await isServed(cluster, kind))) return `${kind.kind} in ${kind.apiVersion}`;
    }
  }
  return undefined;
}

async function isServed(
  cluster: Pick<Cluster, 'isNamespaced'>,
  kind: { apiVersion: string; kind: string },
): Promise<boolean> {
  try {
    await cluster.isNamespaced(kind);
    return true;
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.reason === 'UnknownKind') return false;
    throw kubeFailure(thrown, 'ApplyRejected', `The cluster was asked for ${kind.kind}`);
  }
}
