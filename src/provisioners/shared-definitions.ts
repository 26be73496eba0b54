/** CustomResourceDefinitions that a chart brings in its `crds/` folders, where the plan says that they are applied. */
import { readFile } from 'node:fs/promises';
import { type CustomResourceDefinition, readCrds } from '../helm/find-crds.ts';
import { asJson, objectsAt, textAt } from '../kube/json-at.ts';
import { type Cluster, type KindReference, KubeError, type KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Makes the definitions that the cluster lacks. One that stands is nobody's to change: every instance of every plan
 * shares it, as with helm, and no inventory names it, so that it goes with none. A version of the chart's that it does
 * not have never comes: whether the chart needs that one shows when it is rendered.
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
  const awaited: KindReference[] = [];
  for (const definition of definitions) {
    const standing = await makeUnlessThere(definition, cluster);
    const toCome = standing === undefined ? undefined : servedVersions(asJson(standing));
    const { group, names, versions } = definition.spec;
    const served = versions.filter((version) => version.served && (toCome?.includes(version.name) ?? true));
    awaited.push(...served.map(({ name }) => ({ apiVersion: `${group}/${name}`, kind: names.kind })));
  }
  for (const kind of awaited) {
    if (!(await isServed(cluster, kind))) return `${kind.kind} in ${kind.apiVersion}`;
  }
  return undefined;
}

/** @returns what stood there before */
async function makeUnlessThere(
  definition: CustomResourceDefinition,
  cluster: Pick<Cluster, 'get' | 'create'>,
): Promise<KubeObject | undefined> {
  const { apiVersion, kind, metadata } = definition;
  try {
    const standing = await cluster.get({ apiVersion, kind, name: metadata.name });
    if (standing === undefined) await cluster.create(definition);
    return standing;
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.reason === 'AlreadyExists') return undefined;
    throw kubeFailure(thrown, 'ApplyRejected', `Kubernetes rejected ${kind} ${metadata.name}`);
  }
}

function servedVersions(definition: JsonObject): string[] {
  const served = objectsAt(definition, 'spec', 'versions').filter((version) => version.served === true);
  return served.flatMap((version) => textAt(version, 'name') ?? []);
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
