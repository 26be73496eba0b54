/** Access to the cluster under a name of its own, so that the audit log tells what one broker asked for. */
import { randomUUID } from 'node:crypto';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { core, kubeConfig } from './cluster.ts';

export interface AuditedRequest {
  verb: string;
  /** With the subresource, for example `pods/log`; a path for what is no resource, such as discovery. */
  resource: string;
  namespace: string;
  name: string;
  /** Of lists and watches; empty for all else, and for those that want everything. */
  labelSelector: string;
  status: number;
}

export interface AuditedAccess {
  /** For CHANDLER_KUBECONFIG. */
  kubeconfigPath: string;
  /**
   * What was asked for under this name while `work` ran, each request once, watches among them from their beginning.
   */
  during(work: () => Promise<void>): Promise<AuditedRequest[]>;
  remove(): Promise<void>;
}

interface AuditEvent {
  auditID: string;
  verb: string;
  requestURI: string;
  requestReceivedTimestamp: string;
  user: { username: string };
  objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code: number };
}

/**
 * Makes a ServiceAccount that may do everything.
 * @param namespace exists and is deleted by the caller, the ServiceAccount with it
 */
export async function createAuditedAccess(namespace: string, auditLogPath: string): Promise<AuditedAccess> {
  const rbac = kubeConfig().makeApiClient(RbacAuthorizationV1Api);
  const name = `chandler-test-${randomUUID().slice(0, 8)}`;
  await core().createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  await rbac.createClusterRoleBinding({
    body: {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  });
  const { status } = await core().createNamespacedServiceAccountToken({
    name,
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 7200 } },
  });
  const kubeconfigPath = join(tmpdir(), `${name}.kubeconfig`);
  await writeFile(kubeconfigPath, kubeconfigWithToken(status?.token ?? ''), { mode: 0o600 });
  const username = `system:serviceaccount:${namespace}:${name}`;
  return {
    kubeconfigPath,
    async during(work) {
      const { size } = await stat(auditLogPath);
      const startedAt = new Date().toISOString();
      await work();
      const endedAt = new Date().toISOString();
      // The line of a request is written when its answer is.
      await sleep(1000);
      const events = (await readEvents(auditLogPath, size)).filter(
        (event) =>
          event.user.username === username &&
          event.requestReceivedTimestamp >= startedAt &&
          event.requestReceivedTimestamp <= endedAt,
      );
      // A watch has a line for its beginning and one for its end.
      return [...new Map(events.map((event) => [event.auditID, toRequest(event)])).values()];
    },
    async remove() {
      await rbac.deleteClusterRoleBinding({ name });
      await rm(kubeconfigPath, { force: true });
    },
  };
}

function kubeconfigWithToken(token: string): string {
  const { server = '', caData, caFile } = kubeConfig().getCurrentCluster() ?? {};
  const authority =
    caData === undefined ? { 'certificate-authority': caFile } : { 'certificate-authority-data': caData };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, ...authority } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

async function readEvents(path: string, from: number): Promise<AuditEvent[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read({ buffer: Buffer.alloc(size - from), position: from });
    const lines = buffer.toString().split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as AuditEvent);
  } finally {
    await file.close();
  }
}

function toRequest({ verb, requestURI, objectRef, responseStatus }: AuditEvent): AuditedRequest {
  const resource =
    objectRef === undefined
      ? (requestURI.split('?')[0] ?? '')
      : [objectRef.resource, objectRef.subresource].filter((part) => part !== undefined).join('/');
  return {
    verb,
    resource,
    namespace: objectRef?.namespace ?? '',
    name: objectRef?.name ?? '',
    labelSelector: new URLSearchParams(requestURI.split('?')[1]).get('labelSelector') ?? '',
    status: responseStatus?.code ?? 0,
  };
}

/** How often each verb was used on each resource, for example `patch services: 1`, in alphabetical order. */
export function tally(requests: readonly AuditedRequest[]): string[] {
  const counts = new Map<string, number>();
  for (const { verb, resource } of requests) {
    const key = `${verb} ${resource}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${key}: ${count}`).sort();
}
