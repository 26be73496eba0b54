import { ChandlerError } from '../domain/errors.ts';
import type { ResourceSpec } from '../domain/offering.ts';
import { withoutCrds } from '../helm/find-crds.ts';
import { HelmError } from '../helm/types.ts';
import type { KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import type { TemplateScope } from '../template/types.ts';
import { renderInputs } from './instance-scope.ts';
import { kubeFailure, operatorMissing } from './kube-failure.ts';
import { labelObject } from './label-object.ts';
import { checkPolicy } from './policy.ts';
import { releaseObjects } from './release/release-objects.ts';
import { resourceName } from './resource-state.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

/** A resource that is made of Kubernetes objects. */
export type ClusterResource = Exclude<ResourceSpec, { kind: 'external' | 'read' }>;

export function isClusterResource(spec: ResourceSpec): spec is ClusterResource {
  return spec.kind !== 'external' && spec.kind !== 'read';
}

/**
 * The objects that a resource of the plan stands for, labelled, in their place, and checked against the policy.
 * Looks only; changes nothing.
 * @returns undefined while an expression reads a value that does not exist yet
 * @throws ChandlerError `TemplateFailed`, `ChartRejected`, `ApplyRejected`, `ClusterUnreachable`
 */
export async function renderResource(
  spec: ClusterResource,
  scope: TemplateScope,
  target: InstanceTarget,
): Promise<DesiredObject[] | undefined> {
  const inputs = renderInputs(spec, scope);
  if (inputs === undefined) return undefined;
  const objects = await objectsOf(spec, inputs, target);
  if (objects.length === 0) {
    throw new ChandlerError('ChartRejected', { sentence: `The resource ${spec.id} renders no objects.` });
  }
  try {
    const kinds = spec.kind === 'manifest' ? 'written' : 'listed';
    const isRelease = spec.kind === 'helm' && spec.release !== undefined;
    const checked = await checkPolicy(objects, target, { hooks: isRelease ? 'checked' : 'refused', kinds });
    if (isRelease) return await releaseObjects(checked, target, spec.id);
    return checked.map((object) => ({
      resourceId: spec.id,
      object: labelObject(object, target, spec.id),
    }));
  } catch (thrown) {
    throw (
      operatorMissing(thrown) ?? kubeFailure(thrown, 'ApplyRejected', `The resource ${spec.id} is refused`)
    );
  }
}

async function objectsOf(
  spec: ClusterResource,
  inputs: JsonObject,
  target: InstanceTarget,
): Promise<KubeObject[]> {
  const name = resourceName(target, spec.id);
  switch (spec.kind) {
    case 'secret':
      return [secretObject(name, inputs)];
    case 'helm':
      return renderChart(spec, inputs, target);
    case 'manifest':
      return (inputs.objects as unknown as KubeObject[]).map((object) => ({
        ...object,
        metadata: { ...object.metadata, name: object.metadata?.name ?? name },
      }));
  }
}

function secretObject(name: string, data: JsonObject): KubeObject {
  const encoded = Object.entries(data).map(([key, value]) => [
    key,
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64'),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'Opaque',
    data: Object.fromEntries(encoded),
  };
}

async function renderChart(
  spec: Extract<ResourceSpec, { kind: 'helm' }>,
  values: JsonObject,
  target: InstanceTarget,
): Promise<KubeObject[]> {
  try {
    const [version, chartPath] = await Promise.all([
      target.cluster.version(),
      target.chartPath(spec.chartDigest),
    ]);
    const documents = await target.helm.render({
      chartPath,
      releaseName: resourceName(target, spec.id),
      namespace: target.namespace,
      values,
      kubeVersion: version.gitVersion,
      apiVersions: version.apiVersions,
    });
    return withoutCrds(spec.crds === 'skip', documents) as unknown as KubeObject[];
  } catch (thrown) {
    if (thrown instanceof HelmError) {
      throw new ChandlerError('ChartRejected', {
        sentence: `The chart of the resource ${spec.id} could not be rendered: ${thrown.message}`,
        cause: thrown,
      });
    }
    throw kubeFailure(thrown, 'ChartRejected', `The chart of the resource ${spec.id} could not be rendered`);
  }
}
