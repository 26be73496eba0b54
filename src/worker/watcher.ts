/**
 * One elected watcher per cluster turns watch events into row updates and wakes (docs/architecture.md). The election is a
 * lease in Postgres; a replica that loses it stops its watches, the next holder lists anew and so misses nothing.
 */
import type { ObservedObject, Store } from '../store/types.ts';
import type { Events } from '../telemetry/events.ts';

export interface WatchedKind {
  apiVersion: string;
  kind: string;
}

/** What the watcher needs of a cluster; `start` builds it over the kube room. */
export interface WatchedCluster {
  readonly name: string;
  /** Lists and watches the objects of this installation, reduced to what Postgres keeps. Returns a stop function. */
  watch(kind: WatchedKind, listener: KindListener): () => void;
}

export interface KindListener {
  onSync(objects: ObservedObject[]): Promise<void>;
  onChange(change: { gone: boolean; object: ObservedObject }): Promise<void>;
  onBreak(cause: unknown): void;
}

export interface WatcherSettings {
  owner: string;
  leaseSeconds: number;
}

export interface Watcher {
  stop(): Promise<void>;
}

/**
 * Always watched: the life of pods explains why something waits, claims made by controllers are seen too, and what was
 * delivered for bindings is put back when others change it.
 */
const standingKinds: WatchedKind[] = [
  { apiVersion: 'v1', kind: 'Namespace' },
  { apiVersion: 'v1', kind: 'Pod' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
];

export function startWatcher(
  cluster: WatchedCluster,
  store: Store,
  events: Events,
  settings: WatcherSettings,
): Watcher {
  const hold = { cluster: cluster.name, lease: `watcher:${cluster.name}`, owner: settings.owner };
  const watches = new Map<string, () => void>();
  let stopped = false;
  let tending: Promise<void> | undefined;
  let again = false;
  let holding = false;
  let renewalDue = false;

  function listener(kind: WatchedKind): KindListener {
    return {
      onSync: (objects) => store.operationQueue.observeAll(hold, kind, objects),
      onChange: ({ gone, object }) =>
        gone ? store.operationQueue.observeGone(hold, object) : store.operationQueue.observe(hold, object),
      onBreak: (cause) => events.watchBroke({ cluster: cluster.name, kind: kind.kind, cause }),
    };
  }

  function stopWatches(): void {
    for (const stop of watches.values()) stop();
    watches.clear();
  }

  async function tend(): Promise<void> {
    try {
      if (renewalDue) holding = await store.holdLease(hold.lease, hold.owner, settings.leaseSeconds);
      renewalDue = false;
      if (!holding) {
        stopWatches();
        return;
      }
      for (const kind of [...standingKinds, ...(await store.kindsInUse(cluster.name))]) {
        const key = `${kind.apiVersion}/${kind.kind}`;
        if (!stopped && !watches.has(key)) watches.set(key, cluster.watch(kind, listener(kind)));
      }
    } catch (thrown) {
      // Without Postgres nobody can hold the lease for long; another replica may watch as soon as it is back.
      holding = false;
      stopWatches();
      events.backgroundFaulted({ task: `tend the watches of ${cluster.name}`, cause: thrown });
    }
  }

  /** One tending at a time; a call in the middle makes one more round, so that no new kind is overlooked. */
  function tendSoon(): void {
    if (stopped) return;
    if (tending !== undefined) {
      again = true;
      return;
    }
    again = false;
    tending = tend().finally(() => {
      tending = undefined;
      if (again) tendSoon();
    });
  }

  function renew(): void {
    renewalDue = true;
    tendSoon();
  }

  /** An operation was woken: kinds may be in use that nobody watched before. */
  function look(): void {
    if (holding) tendSoon();
  }

  const timer = setInterval(renew, (settings.leaseSeconds * 1000) / 3);
  const stopListening = store.operationQueue.onWake(look);
  renew();

  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      stopListening();
      await tending;
      stopWatches();
      await store.releaseLease(hold.lease, hold.owner).catch(() => undefined);
    },
  };
}
