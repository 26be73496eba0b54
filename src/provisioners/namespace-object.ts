import { podSecurityLevel } from '../domain/policy/pod-rules.ts';
import type { KubeObject } from '../kube/types.ts';
import { labelObject } from './label-object.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

/** Resource id of the implicit first resource of every graph. */
export const namespaceResourceId = 'namespace';

/** The namespace of one instance, held to the Pod Security level of its plan: restricted unless the policy says otherwise. */
export function namespaceObject(target: InstanceTarget): DesiredObject {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: target.namespace,
      labels: { 'pod-security.kubernetes.io/enforce': podSecurityLevel(target.policy ?? {}) },
      annotations: target.namespaceAnnotations,
    },
  };
  return { resourceId: namespaceResourceId, object: labelObject(object, target, namespaceResourceId) };
}
