import { ChandlerError } from '../domain/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import { isDnsLabel, isInstanceName } from '../lib/names.ts';
import { matchesNamespace } from '../lib/namespace-pattern.ts';
import type { Caller } from './caller.ts';
import type { UsecaseSettings } from './deps.ts';

/** The platform whose contexts have a namespace (OSBAPI profile, "Kubernetes Context Object"). */
const kubernetes = 'kubernetes';

/**
 * The app namespace that a context names. What another platform than Kubernetes calls its namespace is its business.
 * The caller's default namespace is not looked at: whatever a row says already comes before it.
 * @throws ChandlerError `MalformedRequest` when it cannot be a namespace, `NamespaceNotAllowed` when it is not the caller's
 */
export function allowedNamespace(
  { platform = kubernetes, namespace }: JsonObject,
  caller: Caller,
  settings: UsecaseSettings,
): string | undefined {
  if (namespace === undefined || namespace === null || platform !== kubernetes) return undefined;
  if (typeof namespace !== 'string' || !isDnsLabel(namespace)) {
    throw new ChandlerError('MalformedRequest', {
      sentence:
        'context.namespace is not the name of a Kubernetes namespace. Send at most 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit.',
    });
  }
  assertAllowed(namespace, caller, settings);
  return namespace;
}

/** @throws ChandlerError `NamespaceNotAllowed` when the caller may not touch this namespace */
export function assertAllowed(namespace: string, caller: Caller, settings: UsecaseSettings): void {
  if (namespace.startsWith('kube-') || namespace === settings.ownNamespace) {
    throw new ChandlerError('NamespaceNotAllowed', {
      sentence: `The namespace ${namespace} belongs to the cluster itself and cannot be used by apps. Choose another one in context.namespace.`,
    });
  }
  // A credential for every namespace is one for apps: it must not reach into what was made for another tenant.
  if (isInstanceName(namespace)) {
    throw new ChandlerError('NamespaceNotAllowed', {
      sentence: `The namespace ${namespace} belongs to a service instance and cannot be used by apps. Choose another one in context.namespace.`,
    });
  }
  if (!caller.namespaces.some((pattern) => matchesNamespace(pattern, namespace))) {
    throw new ChandlerError('NamespaceNotAllowed', {
      sentence: `The namespace ${namespace} may not be used with these credentials. Choose another one in context.namespace, or ask the admin of the broker to allow it.`,
    });
  }
}
