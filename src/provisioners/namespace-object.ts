import type { KubeObject } from '../kube/types.ts';
import { labelObject } from './label-object.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

/** Resource id of the implicit first resource of every graph. */
export const namespaceResourceId = 'namespace';

/** The namespace of one instance, held to the restricted Pod Security level. */
export function namespaceObject(target: InstanceTarget): DesiredObject {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: target.namespace,
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      annotations: target.namespaceAnnotations,
    },
  };
  return { resourceId: namespaceResourceId, object: labelObject(object, target, namespaceResourceId) };
}
