/** Wires the rooms into one running broker: the HTTP side, the worker and the watcher. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { renderDashboardUrl } from '../catalog/render-dashboard-url.ts';
import type { Catalog } from '../catalog/types.ts';
import { validateParameters } from '../catalog/validate-parameters.ts';
import type { Config } from '../config/config.ts';
import { createDelivery } from '../delivery/kubernetes-delivery.ts';
import { ChandlerError } from '../domain/errors.ts';
import { createChartPuller } from '../helm/chart-puller.ts';
import { createHelm } from '../helm/create-helm.ts';
import { findHelm } from '../helm/find-helm.ts';
import type { Helm } from '../helm/types.ts';
import { connectCluster } from '../kube/connect-cluster.ts';
import type { Cluster } from '../kube/types.ts';
import { loadKeyFile } from '../lib/key-file.ts';
import { generatePassword } from '../lib/password.ts';
import { within } from '../lib/within.ts';
import { createApp } from '../osb/create-app.ts';
import { listen } from '../osb/listen.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/types.ts';
import { createEvents, type Events } from '../telemetry/events.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { storeWithSteps } from '../worker/steps.ts';
import { driftSweep } from '../worker/sweeps/drift.ts';
import { leftoverSweep } from '../worker/sweeps/leftovers.ts';
import { loginSweep } from '../worker/sweeps/logins.ts';
import { orphanSweep } from '../worker/sweeps/orphans.ts';
import { retentionSweep } from '../worker/sweeps/retention.ts';
import { startSweeper } from '../worker/sweeps/sweeper.ts';
import type { Sweep } from '../worker/sweeps/types.ts';
import type { WorkerDeps } from '../worker/types.ts';
import { startWatcher } from '../worker/watcher.ts';
import { startWorker } from '../worker/worker.ts';
import { armFailpoints } from './arm-failpoints.ts';
import { openChartFolder } from './chart-folder.ts';
import { clusterAccess } from './cluster-access.ts';
import { lookForKinds } from './look-for-kinds.ts';
import { externals, offeredKinds, providers } from './offered-kinds.ts';
import { watchedCluster } from './watched-cluster.ts';

export interface RunningBroker {
  /** For example `http://127.0.0.1:8080`. */
  url: string;
  installationId: string;
  /** Stops in order: no new requests, no new claims, ticks under way end, connections close. */
  stop(reason: string): Promise<void>;
}

// Kubernetes kills a pod 30 s after it asked it to end. The steps below come one after the other and leave 5 s of it.
/**
 * How long requests under way may take to end when the broker stops. Those that wait for an operation are cut off.
 * Until then the worker goes on, since they may wait for what it does.
 */
const requestGraceMs = 8_000;
/** How long an effect that a tick is in the middle of may take after that; what is left is resumed elsewhere. */
const tickGraceMs = 12_000;
/** For each of the further steps. None waits for an answer that nobody needs any more: Postgres may not give one. */
const closeGraceMs = 1_500;

/**
 * Starts a broker whose database is migrated.
 * @throws ConfigInvalid, CatalogInvalid, KeyFileError, ChandlerError with a sentence that says what to mend
 */
export async function serve(
  config: Config,
  logger: Logger = createLogger({ level: config.logLevel }),
): Promise<RunningBroker> {
  const events = createEvents(logger);
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step().catch((cause: unknown) => events.backgroundFaulted({ task: 'stop', cause }));
    }
  };
  try {
    const store = await openStore({
      databaseUrl: config.databaseUrl.reveal(),
      ...(config.listenUrl === undefined ? {} : { listenUrl: config.listenUrl.reveal() }),
      keys: await loadKeyFile(config.keyFile),
    });
    undo.push(() => within(closeGraceMs, store.close()));

    const helmPath = await findHelm(config.helmPath, process.env.PATH);
    const helm = createHelm({
      helmPath,
      timeoutMs: helmTimeoutMs(config.leaseSeconds),
    });
    const catalog = await loadCatalog({
      folder: config.catalogFolder,
      helm,
      sources: {
        puller: createChartPuller({
          helmPath,
          registryConfig: config.helmRegistryConfig,
          caFile: config.helmCaFile,
        }),
        downloads: store.chartDownloads,
      },
      overrides: { set: config.planSet },
      kinds: offeredKinds,
    });
    await publishRevisions(catalog, store);

    const { http, stopWork } = await startParts(config, { store, catalog, helm, events });
    undo.push(stopWork, () => http.close(requestGraceMs));
    events.brokerStarted({
      address: http.url,
      installationId: store.installationId,
      offerings: catalog.offerings.length,
    });
    return {
      url: http.url,
      installationId: store.installationId,
      async stop(reason) {
        events.brokerStopping({ reason });
        await unwind();
      },
    };
  } catch (thrown) {
    await unwind();
    throw thrown;
  }
}

/** Below the lease, so that a helm whose parent died without taking it along ends before its operation is resumed. */
function helmTimeoutMs(leaseSeconds: number): number {
  return Math.min(20_000, leaseSeconds * 1000 - 2_000);
}

async function publishRevisions(catalog: Catalog, store: Store): Promise<void> {
  for (const { revision, charts } of catalog.compiledPlans) await store.putRevision(revision, charts);
}

interface Parts {
  store: Store;
  catalog: Catalog;
  helm: Helm;
  events: Events;
}

async function startParts(config: Config, { store, catalog, helm, events }: Parts) {
  const owner = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const cluster = await connectCluster({
    name: config.clusterName,
    ...(config.kube.kind === 'kubeconfig' ? { kubeconfigPath: config.kube.path } : { inCluster: true }),
  });
  const charts = await openChartFolder(store);
  const steps = armFailpoints(config.failpoints, events);
  const watcher = startWatcher(watchedCluster(cluster, store.installationId), store, events, {
    owner,
    leaseSeconds: config.leaseSeconds,
  });
  const deps: WorkerDeps = {
    store,
    clusterOf(name) {
      if (name === cluster.name) return cluster;
      throw new ChandlerError('ClusterUnreachable', { sentence: `No cluster named ${name} is configured.` });
    },
    helm,
    chartPath: charts.pathOf,
    providers,
    externals,
    delivery: createDelivery(),
    events,
    settings: {
      owner,
      concurrency: config.workerConcurrency,
      leaseSeconds: config.leaseSeconds,
      limits: { perServer: config.serverConcurrency, perCluster: config.clusterConcurrency },
    },
    ...(steps === undefined ? {} : { steps }),
  };
  const worker = startWorker(deps);
  const stopLooking = lookForKinds({ catalog, cluster, helm, events });
  const sweeper = startSweeper(deps, sweepsOf(config), { everySeconds: config.sweepSeconds });
  const stopWork = async () => {
    // Another replica may watch at once; what is left of the ticks here waits for no event.
    await Promise.all([
      worker.stop(tickGraceMs),
      sweeper.stop(tickGraceMs),
      within(closeGraceMs, watcher.stop()),
      within(closeGraceMs, stopLooking()),
    ]);
    await within(closeGraceMs, Promise.all([cluster.close(), charts.remove()]));
  };
  try {
    const http = await listen(
      createApp({
        store: steps === undefined ? store : storeWithSteps(store, steps),
        catalog,
        events,
        validateParameters,
        renderDashboardUrl,
        newPassword: generatePassword,
        credentials: config.credentials,
        settings: {
          clusterName: config.clusterName,
          ...(config.ownNamespace === undefined ? {} : { ownNamespace: config.ownNamespace }),
          syncWaitMs: config.syncWaitSeconds * 1000,
          quickWaitMs: config.quickWaitMs,
        },
        access: clusterAccess(cluster),
        readinessChecks: [{ name: 'cluster', check: () => assertReady(cluster) }],
      }),
      {
        host: config.host,
        port: config.port,
        ...(config.tls === undefined
          ? {}
          : {
              tls: {
                ...config.tls,
                onFault: (cause: unknown) =>
                  events.backgroundFaulted({ task: 'read the TLS certificate', cause }),
              },
            }),
      },
    );
    return { http, stopWork };
  } catch (thrown) {
    await stopWork();
    throw thrown;
  }
}

/** In the order of a round. */
function sweepsOf({ clusterName, orphanGraceSeconds, driftSeconds, retentionDays }: Config): Sweep[] {
  const graceSeconds = orphanGraceSeconds;
  return [
    orphanSweep({ clusters: [clusterName], graceSeconds }),
    leftoverSweep(),
    loginSweep({ graceSeconds }),
    driftSweep({ everySeconds: driftSeconds }),
    retentionSweep({ days: retentionDays }),
  ];
}

async function assertReady(cluster: Cluster): Promise<void> {
  if (!(await cluster.ready())) throw new ChandlerError('ClusterUnreachable');
}
