/** Identity labels on every object outside Postgres. They never change during the life of an object. */
export const labelKeys = {
  installation: 'chandler.dev/installation',
  instance: 'chandler.dev/instance',
  binding: 'chandler.dev/binding',
  resource: 'chandler.dev/resource',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

/**
 * Annotations that tell a reader which OSB id an object serves; ids are opaque and may not fit into a label. Those from
 * `planRevision` on stand on the namespace of an instance alone: what its row could be written anew from.
 */
export const annotationKeys = {
  platform: 'chandler.dev/platform',
  instanceId: 'chandler.dev/instance-id',
  bindingId: 'chandler.dev/binding-id',
  /** On what helm applies: digest over the whole release. */
  release: 'chandler.dev/release',
  planRevision: 'chandler.dev/plan-revision',
  organizationGuid: 'chandler.dev/organization-guid',
  spaceGuid: 'chandler.dev/space-guid',
  contextNamespace: 'chandler.dev/context-namespace',
} as const;

/** Those on the namespace of an instance: for a reader, and for nobody's work. */
export const namespaceAnnotationKeys: readonly string[] = [
  annotationKeys.planRevision,
  annotationKeys.organizationGuid,
  annotationKeys.spaceGuid,
  annotationKeys.contextNamespace,
];

export interface Identity {
  installationId: string;
  instanceUid: string;
  bindingUid?: string;
  resourceId?: string;
}

export function identityLabels(identity: Identity): Record<string, string> {
  return {
    [labelKeys.managedBy]: 'chandler',
    [labelKeys.installation]: identity.installationId,
    [labelKeys.instance]: identity.instanceUid,
    ...(identity.bindingUid === undefined ? {} : { [labelKeys.binding]: identity.bindingUid }),
    ...(identity.resourceId === undefined ? {} : { [labelKeys.resource]: identity.resourceId }),
  };
}

/** The label selector for everything that belongs to one installation. */
export function installationSelector(installationId: string): string {
  return `${labelKeys.installation}=${installationId}`;
}

const labelValue = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/**
 * A label by which a person finds the Secret of a binding: `kubectl get secret -l chandler.dev/binding-id=<id>`.
 * Empty when the id does not fit a label (RFC 1123, 63 characters); the annotation always holds it.
 */
export function bindingIdLabels(bindingId: string): Record<string, string> {
  return labelValue.test(bindingId) ? { [annotationKeys.bindingId]: bindingId } : {};
}
