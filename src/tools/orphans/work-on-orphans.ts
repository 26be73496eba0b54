import { connectCluster } from '../../kube/connect-cluster.ts';
import { type Cluster, KubeError } from '../../kube/types.ts';
import { loadKeyFile } from '../../lib/key-file.ts';
import type { Redacted } from '../../lib/redacted.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/types.ts';
import { OrphanRefused } from './orphan-refused.ts';

/** Where rows and what is outside are. */
export interface OrphanSettings {
  databaseUrl: Redacted<string>;
  listenUrl?: Redacted<string>;
  keyFile: string;
  clusterName: string;
  /** Without it, the cluster of the pod that this runs in. */
  kubeconfigPath?: string;
}

export interface OrphanDeps {
  store: Store;
  cluster: Cluster;
}

/** @throws KeyFileError, KeyMismatch, OrphanRefused, ChandlerError `StoreUnavailable` */
export async function workOnOrphans<T>(
  settings: OrphanSettings,
  work: (deps: OrphanDeps) => Promise<T>,
): Promise<T> {
  const { databaseUrl, listenUrl, keyFile, clusterName, kubeconfigPath } = settings;
  const store = await openStore({
    databaseUrl: databaseUrl.reveal(),
    ...(listenUrl === undefined ? {} : { listenUrl: listenUrl.reveal() }),
    keys: await loadKeyFile(keyFile),
    poolSize: 2,
    applicationName: 'chandler orphans',
  });
  let cluster: Cluster | undefined;
  try {
    cluster = await connectCluster({
      name: clusterName,
      ...(kubeconfigPath === undefined ? { inCluster: true } : { kubeconfigPath }),
    });
    return await work({ store, cluster });
  } catch (thrown) {
    if (!(thrown instanceof KubeError)) throw thrown;
    throw new OrphanRefused(`The cluster ${clusterName} cannot be used: ${thrown.message}`, {
      cause: thrown,
    });
  } finally {
    await cluster?.close();
    await store.close();
  }
}
