/** helm's releases against a cluster in memory; test/worker/releases.test.ts and its twin on the real cluster hold both to the same. */
import { isHook } from '../../src/helm/releases.ts';
import type { Helm } from '../../src/helm/types.ts';
import type { Cluster, KubeObject } from '../../src/kube/types.ts';

type Releases = Pick<Helm, 'upgrade' | 'uninstall'>;

export function fakeReleases(cluster: Cluster): Releases {
  /** What the newest revision of each release holds. */
  const held = new Map<string, KubeObject[]>();
  const secrets = { apiVersion: 'v1', kind: 'Secret' };
  const recordsOf = (namespace: string, name: string) =>
    cluster.list(secrets, { namespace, labelSelector: `owner=helm,name=${name}` });

  return {
    async upgrade({ releaseName, namespace, objects, labels, history, signal }) {
      signal.throwIfAborted();
      const standing = objects.filter((object) => !isHook(object)) as unknown as KubeObject[];
      for (const object of standing) await cluster.apply(object);
      const kept = new Set(standing.map(keyOf));
      const key = `${namespace}/${releaseName}`;
      await removeAll((held.get(key) ?? []).filter((object) => !kept.has(keyOf(object))));
      held.set(key, standing);
      const records = await recordsOf(namespace, releaseName);
      const versions = records.map(({ metadata }) => Number(metadata.labels?.version));
      for (const record of records) {
        const version = Number(record.metadata.labels?.version);
        if (version <= Math.max(...versions) + 1 - history) await removeAll([record]);
        else await cluster.apply(withStatus(record, 'superseded'));
      }
      const version = Math.max(0, ...versions) + 1;
      await cluster.create({
        ...secrets,
        type: 'helm.sh/release.v1',
        metadata: {
          name: `sh.helm.release.v1.${releaseName}.v${version}`,
          namespace,
          labels: { ...labels, owner: 'helm', name: releaseName, status: 'deployed', version: `${version}` },
        },
      });
    },
    async uninstall({ releaseName, namespace }) {
      const key = `${namespace}/${releaseName}`;
      await removeAll(held.get(key) ?? []);
      held.delete(key);
      await removeAll(await recordsOf(namespace, releaseName));
    },
  };

  async function removeAll(objects: readonly KubeObject[]): Promise<void> {
    for (const { apiVersion, kind, metadata } of objects) {
      const { name, namespace = '' } = metadata;
      const found = await cluster.get({ apiVersion, kind, name, namespace });
      if (found?.metadata.uid !== undefined) {
        await cluster.delete({ apiVersion, kind, name, namespace }, { uid: found.metadata.uid });
      }
    }
  }
}

function keyOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

function withStatus({ apiVersion, kind, metadata }: KubeObject, status: string): KubeObject {
  const { name, namespace = '', labels } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, labels: { ...labels, status } } };
}
