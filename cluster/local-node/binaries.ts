/** The programs built with Go: into the per-user cache, once per version. */
import { createHash } from 'node:crypto';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { ClusterError, type Progress } from '../cluster-source.ts';
import { withHeartbeat } from './progress.ts';

export const kubernetesVersion = 'v1.34.4';
export const coreDnsVersion = 'v1.15.0';
export const kroVersion = 'v0.9.4';

const toolsDir = join(import.meta.dirname, '..', 'tools');
const versionPackage = 'k8s.io/component-base/version';
// Without them the server calls itself v0.0.0-master and charts' kubeVersion checks fail.
const versionFlags = [
  `-X ${versionPackage}.gitVersion=${kubernetesVersion}`,
  `-X ${versionPackage}.gitMajor=1`,
  `-X ${versionPackage}.gitMinor=34`,
].join(' ');

const goEnvironment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };

interface Build {
  title: string;
  /** Folder of the Go module, below cluster/tools. */
  module: string;
  version: string;
  packages: string[];
  ldflags: string;
  /** Files whose content is part of the cache key. */
  sources: string[];
  /** A Helm chart inside a Go module, copied beside the programs as `chart`. */
  chart?: { module: string; folder: string };
}

const builds = {
  kubernetes: {
    title: `Kubernetes ${kubernetesVersion} (about 6 minutes on 2 cores, only the first time)`,
    module: '.',
    version: kubernetesVersion,
    packages: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'].map(
      (name) => `k8s.io/kubernetes/cmd/${name}`,
    ),
    ldflags: `-s -w ${versionFlags}`,
    sources: [],
  },
  helpers: {
    title: 'volume provisioner and pause',
    module: '.',
    version: 'own',
    packages: ['./pause', './provisioner'],
    ldflags: '-s -w',
    sources: ['pause/main.go', 'provisioner/main.go', 'provisioner/provisioner.go'],
  },
  coredns: {
    title: `CoreDNS ${coreDnsVersion} (about 2 minutes, only the first time)`,
    module: 'coredns',
    version: coreDnsVersion,
    packages: ['github.com/coredns/coredns'],
    ldflags: '-s -w',
    sources: [],
  },
  kro: {
    title: `kro ${kroVersion} (about 3 minutes on 2 cores, only the first time)`,
    module: 'kro',
    version: kroVersion,
    packages: ['github.com/kubernetes-sigs/kro/cmd/controller'],
    ldflags: '-s -w',
    sources: [],
    chart: { module: 'github.com/kubernetes-sigs/kro', folder: 'helm' },
  },
} satisfies Record<string, Build>;

/** Paths of the built programs. */
export interface Binaries {
  apiserver: string;
  controllerManager: string;
  scheduler: string;
  kubelet: string;
  proxy: string;
  coredns: string;
  provisioner: string;
  pause: string;
  /** Built only for those who ask for it: `ensureKroBinary`. */
  kro: string;
  kroChart: string;
}

/** Where the programs lie once they are built. */
export async function findBinaries(cacheDir: string): Promise<Binaries> {
  const root = join(cacheDir, 'bin');
  const [kubernetes, helpers, coredns, kro] = await Promise.all([
    targetOf(root, 'kubernetes', builds.kubernetes),
    targetOf(root, 'helpers', builds.helpers),
    targetOf(root, 'coredns', builds.coredns),
    targetOf(root, 'kro', builds.kro),
  ]);
  return {
    apiserver: join(kubernetes, 'kube-apiserver'),
    controllerManager: join(kubernetes, 'kube-controller-manager'),
    scheduler: join(kubernetes, 'kube-scheduler'),
    kubelet: join(kubernetes, 'kubelet'),
    proxy: join(kubernetes, 'kube-proxy'),
    coredns: join(coredns, 'coredns'),
    provisioner: join(helpers, 'provisioner'),
    pause: join(helpers, 'pause'),
    kro: join(kro, 'controller'),
    kroChart: join(kro, 'chart'),
  };
}

/** Builds what the cache lacks; a killed build leaves nothing that a later one would take for whole. */
export async function ensureBinaries(cacheDir: string, progress: Progress): Promise<Binaries> {
  const root = join(cacheDir, 'bin');
  // One after the other: each build alone already uses every core.
  await ensureBuilt(root, 'kubernetes', builds.kubernetes, progress);
  await ensureBuilt(root, 'helpers', builds.helpers, progress);
  await ensureBuilt(root, 'coredns', builds.coredns, progress);
  return findBinaries(cacheDir);
}

/** Builds kro, an operator that only tests use, and takes its chart out of its Go module. */
export async function ensureKroBinary(cacheDir: string, progress: Progress): Promise<Binaries> {
  await ensureBuilt(join(cacheDir, 'bin'), 'kro', builds.kro, progress);
  return findBinaries(cacheDir);
}

async function targetOf(root: string, name: string, build: Build): Promise<string> {
  return join(root, `${name}-${build.version}-${await keyOf(build)}`);
}

async function ensureBuilt(root: string, name: string, build: Build, progress: Progress): Promise<void> {
  const target = await targetOf(root, name, build);
  if (await exists(target)) return;
  await mkdir(root, { recursive: true });
  await removeStaleBuilds(root, name);
  const scratch = await mkdtemp(join(root, `.building-${name}-`));
  let compiled = 0;
  await withHeartbeat(
    progress,
    `building ${build.title}`,
    async () => {
      const child = execa(
        'setpriv',
        [
          '--pdeathsig',
          'KILL',
          'go',
          'build',
          '-v',
          '-buildvcs=false',
          '-trimpath',
          '-ldflags',
          build.ldflags,
          '-o',
          `${scratch}/`,
          ...build.packages,
        ],
        {
          cwd: join(toolsDir, build.module),
          env: goEnvironment,
          buffer: false,
          stdin: 'ignore',
          reject: false,
        },
      );
      const tail: string[] = [];
      for await (const line of child.iterable({ from: 'stderr' })) {
        compiled += 1;
        tail.push(line);
        if (tail.length > 8) tail.shift();
      }
      const result = await child;
      if (result.failed) throw new ClusterError(`building ${name} failed: ${tail.join(' / ')}`);
      if (build.chart !== undefined) await copyChart(build.module, build.chart, join(scratch, 'chart'));
    },
    () => `, ${compiled} packages downloaded or compiled`,
  );
  await rename(scratch, target);
}

async function copyChart(
  tools: string,
  { module, folder }: { module: string; folder: string },
  target: string,
): Promise<void> {
  const { stdout } = await execa('go', ['list', '-m', '-f', '{{.Dir}}', module], {
    cwd: join(toolsDir, tools),
    env: goEnvironment,
    stdin: 'ignore',
  });
  await cp(join(stdout, folder), target, { recursive: true });
}

/** Scratch folders of builds that were killed; the cluster's lock keeps two builds apart. */
async function removeStaleBuilds(root: string, name: string): Promise<void> {
  for (const entry of await readdir(root)) {
    if (entry.startsWith(`.building-${name}-`)) await rm(join(root, entry), { recursive: true, force: true });
  }
}

async function keyOf(build: Build): Promise<string> {
  const hash = createHash('sha256')
    .update(build.ldflags)
    .update(build.packages.map((name) => basename(name)).join(' '));
  for (const file of ['go.mod', ...build.sources]) {
    hash.update(await readFile(join(toolsDir, build.module, file)));
  }
  return hash.digest('hex').slice(0, 10);
}

/** True when the file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
