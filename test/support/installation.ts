/** What one installation has on the cluster, looked up with a client that is not Chandler's, and its removal. */
import { KubernetesObjectApi, type V1Namespace } from '@kubernetes/client-node';
import { annotationKeys, installationSelector } from '../../src/lib/labels.ts';
import type { BrokerHome } from './broker.ts';
import { core, eventually, kubeConfig } from './cluster.ts';
import { queryDatabase } from './postgres.ts';

/** Every kind that the PostgreSQL chart makes, and the pods that come of it. */
const kinds: [apiVersion: string, kind: string][] = [
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
  ['v1', 'ServiceAccount'],
  ['v1', 'Service'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'Pod'],
  ['apps/v1', 'StatefulSet'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
];

export async function installationId({ databaseUrl }: BrokerHome): Promise<string> {
  const [row] = await queryDatabase<{ id: string }>(databaseUrl, 'select id from installation');
  if (row === undefined) throw new Error('no broker has been started on this database');
  return row.id;
}

/** The namespaces of an installation; with an instance id, only those of that instance. */
export async function namespacesOf(home: BrokerHome, instanceId?: string): Promise<V1Namespace[]> {
  const labelSelector = installationSelector(await installationId(home));
  const { items } = await core().listNamespace({ labelSelector });
  return items.filter(
    ({ metadata }) =>
      instanceId === undefined || metadata?.annotations?.[annotationKeys.instanceId] === instanceId,
  );
}

/** The uids of an instance's objects, its namespaces among them, by `Kind/name`. */
export async function objectsOf(home: BrokerHome, instanceId: string): Promise<Map<string, string>> {
  const client = KubernetesObjectApi.makeApiClient(kubeConfig());
  const labelSelector = installationSelector(await installationId(home));
  const found = new Map<string, string>();
  for (const { metadata } of await namespacesOf(home, instanceId)) {
    const namespace = metadata?.name ?? '';
    found.set(`Namespace/${namespace}`, metadata?.uid ?? '');
    for (const [apiVersion, kind] of kinds) {
      const { items } = await client.list(
        apiVersion,
        kind,
        namespace,
        undefined,
        undefined,
        undefined,
        undefined,
        labelSelector,
      );
      for (const item of items) found.set(`${kind}/${item.metadata?.name}`, item.metadata?.uid ?? '');
    }
  }
  return found;
}

/** How many objects of each kind there are. */
export function countByKind(objects: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of objects) {
    const kind = key.split('/')[0] ?? '';
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** What one PostgreSQL instance consists of. */
export const oneInstance = {
  Namespace: 1,
  Secret: 1,
  ConfigMap: 1,
  ServiceAccount: 1,
  Service: 1,
  PersistentVolumeClaim: 1,
  Pod: 1,
  StatefulSet: 1,
  NetworkPolicy: 1,
};

/** Stops the brokers of a home and deletes what a failed test left: every namespace of the installation, the database. */
export async function removeInstallation(home: BrokerHome): Promise<void> {
  const started = await queryDatabase(home.databaseUrl, 'select from installation');
  await home.stop();
  for (const { metadata } of started.length > 0 ? await namespacesOf(home) : []) {
    const name = metadata?.name ?? '';
    if (metadata?.deletionTimestamp === undefined) await core().deleteNamespace({ name });
    await eventually(
      `namespace ${name} is gone`,
      async () => {
        const { items } = await core().listNamespace({ fieldSelector: `metadata.name=${name}` });
        return items.length === 0 ? true : undefined;
      },
      90_000,
    );
  }
  await home.remove();
}
