/** kro on the local node: a real operator for tests, built from its Go module and installed by its own chart. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { ClusterError, type Progress } from '../cluster-source.ts';
import { ensureHelm, ensureKubectl } from '../helm.ts';
import { ensureKroBinary, findBinaries } from '../local-node/binaries.ts';
import { kroImage } from '../local-node/image-table.ts';
import { ensureImageTars, findImageTars, importImages, missingImages } from '../local-node/images.ts';
import type { LocalNode } from '../local-node/local-node.ts';
import { elapsed, withHeartbeat } from '../local-node/progress.ts';

const namespace = 'kro-system';
const release = 'kro';
const definitionCrd = 'resourcegraphdefinitions.kro.run';
const revisionCrd = 'graphrevisions.internal.kro.run';
const definitionAnnotation = 'chandler.dev/definition';
const podSelector = 'app.kubernetes.io/name=kro';

/** The parts of Kubernetes objects that are read here. */
interface FoundObject {
  kind: string;
  metadata: { name: string; namespace?: string };
}

interface FoundDeployment {
  spec: { replicas: number; template: { metadata: { annotations?: Record<string, string> } } };
  status: { availableReplicas?: number };
}

/**
 * Builds kro (cached), brings its image to the node and installs it, or mends what is missing of it; starts it when it
 * was stopped. At once when it runs already.
 * @throws ClusterError when the cluster is down or kro does not start
 */
export async function ensureKro(node: LocalNode, progress: Progress): Promise<void> {
  await mustBeUp(node);
  if (await isRunning(node)) {
    progress('kro is up');
    return;
  }
  await node.exclusively(progress, () => install(node, 1, progress));
}

/**
 * Stops the operator (0) while its kinds stay, or starts it again (1).
 * @throws ClusterError when the cluster is down
 */
export async function scaleKro(node: LocalNode, replicas: 0 | 1, progress: Progress): Promise<void> {
  await mustBeUp(node);
  await node.exclusively(progress, () => install(node, replicas, progress));
}

/**
 * Uninstalls kro with its kinds and those it made from ResourceGraphDefinitions; does nothing where it is not there.
 * @throws ClusterError while custom resources of those kinds exist: they could never end without the operator
 */
export async function removeKro(node: LocalNode, progress: Progress): Promise<void> {
  await mustBeUp(node);
  await node.exclusively(progress, async () => {
    const start = performance.now();
    const made = await list(node, ['crd', '-l', 'kro.run/owned=true']);
    await mustBeUnused(node, made);
    if (await exists(node, ['crd', definitionCrd])) {
      const definitions = await list(node, [definitionCrd]);
      if (definitions.length > 0) {
        // Only the operator takes its finalizers off.
        if (!(await isRunning(node))) await install(node, 1, progress);
        await withHeartbeat(progress, 'deleting ResourceGraphDefinitions', () =>
          kubectl(node, ['delete', definitionCrd, '--all', '--timeout=60s']),
        );
        await kubectl(node, ['delete', revisionCrd, '--all', '--timeout=60s']);
      }
    }
    await helm(node, ['uninstall', release, '--ignore-not-found', '--wait', '--timeout=90s']);
    const kinds = [...made.map((crd) => crd.metadata.name), definitionCrd, revisionCrd];
    await kubectl(node, ['delete', 'crd', ...kinds, '--ignore-not-found', '--timeout=60s']);
    await kubectl(node, ['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=60s']);
    progress(`kro is removed (${elapsed(start)}); its program and image stay cached`);
  });
}

async function install(node: LocalNode, replicas: 0 | 1, progress: Progress): Promise<void> {
  const start = performance.now();
  const binaries = await ensureKroBinary(node.layout.cacheDir, progress);
  const images = await ensureImageTars(node.layout, binaries, progress, [kroImage]);
  const missing = await missingImages(node.layout, images);
  if (missing.length > 0) await importImages(node.layout, missing);

  // Helm never upgrades what lies in a chart's crds folder.
  await kubectl(node, ['apply', '--server-side', '--force-conflicts', '-f', join(binaries.kroChart, 'crds')]);
  const crds = [definitionCrd, revisionCrd].map((name) => `crd/${name}`);
  await kubectl(node, ['wait', '--for=condition=Established', '--timeout=30s', ...crds]);
  await forgetPending(node);
  const [repository, tag] = kroImage.name.split(':');
  const values = {
    image: { repository, tag },
    deployment: {
      replicaCount: replicas,
      // A changed image has the same name: only this makes a new pod of it.
      podAnnotations: { [definitionAnnotation]: await definitionOf(node) },
    },
    // One replica has nobody to agree with, and a killed one would keep the lease for 15 s.
    config: { enableLeaderElection: false },
  };
  const chart = binaries.kroChart;
  await helm(
    node,
    ['upgrade', release, chart, '--install', '--create-namespace', '--skip-crds', '--values=-'],
    JSON.stringify(values),
  );
  if (replicas === 0) {
    await kubectl(node, ['wait', 'pod', '-n', namespace, '-l', podSelector, '--for=delete', '--timeout=90s']);
    progress(`kro is stopped (${elapsed(start)}); its kinds stay`);
    return;
  }
  await withHeartbeat(progress, 'starting kro (its chart looks at it after 10 s)', () =>
    kubectl(node, ['rollout', 'status', `deployment/${release}`, '-n', namespace, '--timeout=120s']),
  );
  progress(`kro is up (${elapsed(start)})`);
}

/** A helm that was killed leaves a release that no other helm will touch; nothing of it is needed. */
async function forgetPending(node: LocalNode): Promise<void> {
  const pending = await helm(node, ['list', '--pending', '--short']);
  if (pending.split('\n').includes(release)) await helm(node, ['uninstall', release, '--wait']);
}

/** Running, in the version and with the values that an install would give it. */
async function isRunning(node: LocalNode): Promise<boolean> {
  const found = await kubectlAnswer(node, ['get', 'deployment', release, '-n', namespace, '-o', 'json']);
  if (found.failed) return false;
  const { spec, status } = JSON.parse(found.stdout) as FoundDeployment;
  return (
    spec.replicas === 1 &&
    status.availableReplicas === 1 &&
    spec.template.metadata.annotations?.[definitionAnnotation] === (await definitionOf(node)) &&
    (await exists(node, ['crd', definitionCrd, revisionCrd]))
  );
}

async function definitionOf({ layout }: LocalNode): Promise<string> {
  const binaries = await findBinaries(layout.cacheDir);
  const keys = (await findImageTars(layout, binaries, [kroImage])).map((image) => image.key);
  return createHash('sha256').update(JSON.stringify(keys)).digest('hex').slice(0, 12);
}

async function mustBeUp(node: LocalNode): Promise<void> {
  if (await node.isUp()) return;
  throw new ClusterError('the local cluster is not up: first run `make cluster-up`');
}

async function mustBeUnused(node: LocalNode, made: FoundObject[]): Promise<void> {
  for (const { metadata } of made) {
    const left = await list(node, [metadata.name, '--all-namespaces']);
    if (left.length === 0) continue;
    const names = left.map((item) => `${item.kind} ${item.metadata.namespace ?? ''}/${item.metadata.name}`);
    throw new ClusterError(`kro still has custom resources, delete them first: ${names.join(', ')}`);
  }
}

async function list(node: LocalNode, what: string[]): Promise<FoundObject[]> {
  const text = await kubectl(node, ['get', ...what, '-o', 'json']);
  return (JSON.parse(text) as { items: FoundObject[] }).items;
}

async function exists(node: LocalNode, what: string[]): Promise<boolean> {
  return !(await kubectlAnswer(node, ['get', ...what, '-o', 'name'])).failed;
}

async function kubectl(node: LocalNode, args: string[]): Promise<string> {
  const result = await kubectlAnswer(node, args);
  if (result.failed) throw new ClusterError(`kubectl ${args[0]} failed: ${lastLines(result.stderr)}`);
  return result.stdout;
}

async function kubectlAnswer(node: LocalNode, args: string[]) {
  const { failed, stdout, stderr } = await execa(
    await ensureKubectl(),
    ['--kubeconfig', node.layout.kubeconfigPath, ...args],
    { stdin: 'ignore', reject: false },
  );
  return { failed, stdout, stderr };
}

async function helm(node: LocalNode, args: string[], input = ''): Promise<string> {
  const target = ['--kubeconfig', node.layout.kubeconfigPath, '--namespace', namespace];
  const result = await execa(await ensureHelm(), [...args, ...target], { input, reject: false });
  if (result.failed) throw new ClusterError(`helm ${args[0]} failed: ${lastLines(result.stderr)}`);
  return result.stdout;
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-4).join(' / ');
}
