import { reduceObject } from '../kube/reduce-object.ts';
import type { Cluster, KubeObject } from '../kube/types.ts';
import type { JsonObject } from '../lib/json.ts';
import { installationSelector, labelKeys } from '../lib/labels.ts';
import type { ObservedObject } from '../store/types.ts';
import type { WatchedCluster } from '../worker/watcher.ts';

/** Kinds whose content must not reach Postgres: only their metadata is watched. */
const metadataOnlyKinds = new Set(['Secret', 'ConfigMap']);

/** The kube room's watch as the worker's watcher wants it: objects of this installation, reduced. */
export function watchedCluster(cluster: Cluster, installationId: string): WatchedCluster {
  const observed = (object: KubeObject) => observedObject(cluster.name, object);
  return {
    name: cluster.name,
    watch: (kind, listener) =>
      cluster.watch(
        kind,
        {
          labelSelector: installationSelector(installationId),
          metadataOnly: metadataOnlyKinds.has(kind.kind),
        },
        {
          onSync: (objects) =>
            listener.onSync(objects.map((object) => observed({ ...object, ...kind })).filter(isDefined)),
          onChange: async ({ type, object }) => {
            const seen = observed({ ...object, ...kind });
            if (seen !== undefined) await listener.onChange({ gone: type === 'DELETED', object: seen });
          },
          onBreak: (cause) => listener.onBreak(cause),
        },
      ),
  };
}

function observedObject(cluster: string, object: KubeObject): ObservedObject | undefined {
  const { name, namespace, uid, labels } = object.metadata;
  const instanceUid = labels?.[labelKeys.instance];
  const bindingUid = labels?.[labelKeys.binding];
  if (instanceUid === undefined || uid === undefined) return undefined;
  return {
    cluster,
    instanceUid,
    ...(bindingUid === undefined ? {} : { bindingUid }),
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace: namespace ?? '',
    name,
    uid,
    object: reduceObject(object) as unknown as JsonObject,
  };
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
