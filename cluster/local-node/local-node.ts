/** A real one-node Kubernetes on this machine, without a container engine: needs Linux, root, apt-get and Go. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ClusterAccess,
  ClusterError,
  type ClusterSource,
  type ClusterStatus,
  type ComponentStatus,
  type Progress,
} from '../cluster-source.ts';
import { AdminApi } from './api.ts';
import {
  type Binaries,
  coreDnsVersion,
  ensureBinaries,
  exists,
  findBinaries,
  kubernetesVersion,
} from './binaries.ts';
import { type Component, type Components, componentsOf } from './components.ts';
import { writeConfigFiles } from './config-files.ts';
import { ensurePackages, nodePackages, whyNotHere } from './debian.ts';
import {
  type CachedImage,
  ctr,
  ensureImageTars,
  findImageTars,
  importImages,
  importTar,
  missingImages,
} from './images.ts';
import { type Layout, layoutOf } from './layout.ts';
import { killEverything, removeControlGroups, removeFolders, removeRunningState } from './leftovers.ts';
import { withLock } from './lock.ts';
import { bridgeIsUp, ensureNetwork, removeNetwork } from './network.ts';
import { nodeObjects } from './objects.ts';
import { ensurePki } from './pki.ts';
import { definitionOf, findProcesses, mainProcess } from './processes.ts';
import { elapsed } from './progress.ts';
import { ensureHealthy, ensureStarted } from './supervise.ts';
import { waitUntil } from './wait.ts';

/** The local node of the given name. */
export class LocalNode implements ClusterSource {
  readonly name = 'local-node';
  readonly layout: Layout;
  readonly #api: AdminApi;
  readonly #lockPath: string;

  constructor(layout: Layout = layoutOf()) {
    this.layout = layout;
    this.#api = new AdminApi(layout);
    this.#lockPath = `/run/lock/chandler-cluster-${layout.clusterName}`;
  }

  async isUp(): Promise<boolean> {
    return (await this.status()).healthy;
  }

  async up(progress: Progress): Promise<ClusterAccess> {
    if (await this.isUp()) {
      progress('the local cluster is up');
      return this.#access();
    }
    const reason = await whyNotHere();
    if (reason !== undefined) throw new ClusterError(reason);
    return this.exclusively(progress, () => this.#bringUp(progress));
  }

  async down(progress: Progress): Promise<void> {
    if (process.getuid?.() !== 0)
      throw new ClusterError('the local cluster runs as root, and so must its down');
    await this.exclusively(progress, async () => {
      const start = performance.now();
      await killEverything(this.layout);
      await removeNetwork(this.layout);
      await removeControlGroups();
      await removeFolders(this.layout);
      progress(`the local cluster is down, nothing of it is left but the cache (${elapsed(start)})`);
    });
  }

  async status(): Promise<ClusterStatus> {
    if (!(await exists(this.layout.kubeconfigPath))) {
      return { healthy: false, components: [{ name: 'cluster', healthy: false, detail: 'is down' }] };
    }
    try {
      const components = (
        await Promise.all([
          this.#componentStates(),
          this.#networkState(),
          this.#imageState(),
          this.#apiStates(),
        ])
      ).flat();
      return {
        healthy: components.every((component) => component.healthy),
        components,
        kubeconfigPath: this.layout.kubeconfigPath,
        auditLogPath: this.layout.auditLogPath,
      };
    } finally {
      this.#api.close();
    }
  }

  /** Runs what must not run beside an `up`, a `down` or another of its kind. */
  exclusively<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
    return withLock(this.#lockPath, progress, work);
  }

  #access(): ClusterAccess {
    return {
      kubeconfigPath: this.layout.kubeconfigPath,
      reach: 'direct',
      auditLogPath: this.layout.auditLogPath,
      importImage: (tarPath) => importTar(this.layout, tarPath),
    };
  }

  async #bringUp(progress: Progress): Promise<ClusterAccess> {
    const { layout } = this;
    // Another process may have done it while this one waited for the lock.
    if (await this.isUp()) {
      progress('the local cluster is up');
      return this.#access();
    }
    const start = performance.now();
    await ensurePackages(nodePackages, progress);
    const binaries = await ensureBinaries(layout.cacheDir, progress);
    const images = await ensureImageTars(layout, binaries, progress);

    progress('starting the local cluster');
    await this.#prepare();
    const components = this.#components(binaries);
    try {
      const nodeParts = this.#startContainers(components, images, progress);
      await this.#startControlPlane(components, progress);
      await nodeParts;
      await this.#startNode(components, progress);
    } finally {
      this.#api.close();
    }
    progress(
      `the local cluster is up (${elapsed(start)}): Kubernetes ${kubernetesVersion}, kubeconfig ${layout.kubeconfigPath}`,
    );
    return this.#access();
  }

  async #prepare(): Promise<void> {
    const { layout } = this;
    for (const dir of [layout.stateDir, layout.runDir, layout.logDir, layout.volumeDir]) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
    }
    if ((await findProcesses(layout.clusterName)).length === 0) {
      await removeRunningState(layout);
      await truncate(layout.auditLogPath).catch(() => undefined);
    }
    const [network] = await Promise.all([ensureNetwork(layout), ensurePki(layout)]);
    await writeConfigFiles(layout, network.bridgeFiltered);
  }

  async #startContainers(components: Components, images: CachedImage[], progress: Progress): Promise<void> {
    await this.#ensure(components.containerd);
    const missing = await missingImages(this.layout, images);
    if (missing.length === 0) return;
    const start = performance.now();
    await importImages(this.layout, missing);
    progress(`images imported: ${missing.map((image) => image.spec.name).join(', ')} (${elapsed(start)})`);
  }

  async #startControlPlane(components: Components, progress: Progress): Promise<void> {
    const start = performance.now();
    await ensureStarted(this.layout, components.etcd);
    // The API server waits for etcd itself, and needs a second before it asks.
    await ensureStarted(this.layout, components.apiserver);
    await ensureHealthy(this.layout, components.etcd);
    await ensureHealthy(this.layout, components.apiserver);
    progress(`API server answers (${elapsed(start)})`);
    await Promise.all([
      ensureStarted(this.layout, components.controllerManager),
      ensureStarted(this.layout, components.scheduler),
    ]);
    await this.#applyObjects();
  }

  async #startNode(components: Components, progress: Progress): Promise<void> {
    const start = performance.now();
    const parts = [
      components.kubelet,
      components.proxy,
      components.coredns,
      components.provisioner,
      components.controllerManager,
      components.scheduler,
    ];
    await Promise.all(parts.map((component) => this.#ensure(component)));
    await waitUntil('a ready node', 60, () => this.#nodeReady());
    await waitUntil('the kubelet that knows its pods', 30, () => this.#kubeletKnowsPods());
    await waitUntil('the default service account', 30, () =>
      this.#api.get('/api/v1/namespaces/default/serviceaccounts/default'),
    );
    progress(`node ready (${elapsed(start)})`);
  }

  async #ensure(component: Component): Promise<void> {
    await ensureStarted(this.layout, component);
    await ensureHealthy(this.layout, component);
  }

  #components(binaries: Binaries): Components {
    return componentsOf(this.layout, binaries, async () => {
      await ctr(this.layout, ['version']);
    });
  }

  async #applyObjects(): Promise<void> {
    const objects = nodeObjects(this.layout);
    await waitUntil('the node objects', 30, () =>
      Promise.all(objects.map(({ path, object }) => this.#api.apply(path, object))),
    );
    await writeFile(this.#appliedPath(), hashOf(objects));
  }

  #appliedPath(): string {
    return join(this.layout.stateDir, 'applied');
  }

  async #nodeReady(): Promise<string> {
    const node = await this.#api.get<NodeObject>(`/api/v1/nodes/${this.layout.nodeName}`);
    const ready = node.status.conditions?.find((condition) => condition.type === 'Ready');
    if (ready?.status !== 'True') throw new Error(ready?.message ?? 'the kubelet has not reported yet');
    return node.status.nodeInfo.kubeletVersion;
  }

  /** A kubelet that was started anew refuses exec and logs until it has read its pods. */
  async #kubeletKnowsPods(): Promise<void> {
    const { nodeName } = this.layout;
    const query = `fieldSelector=spec.nodeName%3D${nodeName},status.phase%3DRunning`;
    const [wanted, known] = await Promise.all([
      this.#api.get<PodList>(`/api/v1/pods?${query}`),
      this.#api.get<PodList>(`/api/v1/nodes/${nodeName}/proxy/pods`),
    ]);
    const uids = new Set((known.items ?? []).map((pod) => pod.metadata.uid));
    const missing = (wanted.items ?? []).filter((pod) => !uids.has(pod.metadata.uid));
    if (missing.length > 0) throw new Error(`${missing.length} pods are not known to it yet`);
  }

  async #componentStates(): Promise<ComponentStatus[]> {
    const components = Object.values(this.#components(await findBinaries(this.layout.cacheDir)));
    const found = await findProcesses(this.layout.clusterName);
    return Promise.all(
      components.map(async (component): Promise<ComponentStatus> => {
        const { name } = component;
        const running = mainProcess(found, component);
        if (running === undefined) return { name, healthy: false, detail: 'does not run' };
        return stateOf(name, `pid ${running.pid}`, async () => {
          if (running.definition !== (await definitionOf(component)))
            throw new Error('runs with an older configuration');
          await component.healthy();
          return undefined;
        });
      }),
    );
  }

  async #networkState(): Promise<ComponentStatus[]> {
    const up = await bridgeIsUp(this.layout);
    const detail = `bridge ${this.layout.bridge} ${up ? this.layout.nodeIp : 'is missing'}`;
    return [{ name: 'network', healthy: up, detail }];
  }

  async #imageState(): Promise<ComponentStatus[]> {
    const state = await stateOf('images', '', async () => {
      const images = await findImageTars(this.layout, await findBinaries(this.layout.cacheDir));
      const missing = await missingImages(this.layout, images);
      if (missing.length > 0)
        throw new Error(`missing: ${missing.map((image) => image.spec.name).join(', ')}`);
      return images.map((image) => [image.spec.name, ...(image.spec.aliases ?? [])].join(', ')).join(', ');
    });
    return [state];
  }

  async #apiStates(): Promise<ComponentStatus[]> {
    const node = stateOf(
      'node',
      '',
      async () => `ready, Kubernetes ${await this.#nodeReady()}, CoreDNS ${coreDnsVersion}`,
    );
    const objects = stateOf('objects', 'applied', async () => {
      const applied = await readFile(this.#appliedPath(), 'utf8').catch(() => '');
      if (applied !== hashOf(nodeObjects(this.layout))) throw new Error('not applied yet');
      return undefined;
    });
    return Promise.all([node, objects]);
  }
}

interface PodList {
  items: { metadata: { uid: string } }[] | null;
}

interface NodeObject {
  status: {
    conditions?: { type: string; status: string; message: string }[];
    nodeInfo: { kubeletVersion: string };
  };
}

async function stateOf(
  name: string,
  detail: string,
  check: () => Promise<string | undefined>,
): Promise<ComponentStatus> {
  try {
    return { name, healthy: true, detail: (await check()) ?? detail };
  } catch (cause) {
    return { name, healthy: false, detail: reasonOf(cause) };
  }
}

/** The last line: that is where a failed command says why. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.trim().split('\n').at(-1) ?? message;
}

function hashOf(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
