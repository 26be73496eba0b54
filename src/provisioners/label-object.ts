import type { KubeObject } from '../kube/types.ts';
import { identityLabels } from '../lib/labels.ts';
import type { InstanceTarget } from './types.ts';

type Metadata = { labels?: Record<string, string>; annotations?: Record<string, string> };
type PodTemplate = { metadata?: Metadata };

/** A copy of the object with identity labels and annotations, in its pod template too, so that pods can be watched. */
export function labelObject(object: KubeObject, target: InstanceTarget, resourceId: string): KubeObject {
  const labels = identityLabels({ ...target.identity, resourceId });
  const copy = structuredClone(object);
  addMetadata(copy.metadata, labels, target.annotations);
  const template = podTemplateOf(copy);
  if (template !== undefined) {
    template.metadata ??= {};
    addMetadata(template.metadata, labels, {});
  }
  return copy;
}

function addMetadata(
  metadata: Metadata,
  labels: Record<string, string>,
  annotations: Record<string, string>,
): void {
  metadata.labels = { ...metadata.labels, ...labels };
  if (Object.keys(annotations).length > 0) metadata.annotations = { ...metadata.annotations, ...annotations };
}

function podTemplateOf(object: KubeObject): PodTemplate | undefined {
  const spec = object.spec as
    | { template?: PodTemplate; jobTemplate?: { spec?: { template?: PodTemplate } } }
    | undefined;
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
    case 'Job':
      return spec?.template;
    case 'CronJob':
      return spec?.jobTemplate?.spec?.template;
    default:
      return undefined;
  }
}
