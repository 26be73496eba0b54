/** Makes images from Debian packages, keeps them in the cache as docker-archive tars, and imports them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { ClusterError, type Progress } from '../cluster-source.ts';
import { type Binaries, exists } from './binaries.ts';
import { type ImageSpec, images } from './image-table.ts';
import type { Layout } from './layout.ts';
import { withHeartbeat } from './progress.ts';

const filesDir = join(import.meta.dirname, '..', 'images');
const namespace = 'k8s.io';
/** Raise it when the way images are made changes, so that cached ones are made anew. */
const recipe = 1;

// Nobody reads manuals in a container; copyright files stay, as their licences ask.
const slim = [
  '--dpkgopt=path-exclude=/usr/share/man/*',
  '--dpkgopt=path-exclude=/usr/share/info/*',
  '--dpkgopt=path-exclude=/usr/share/doc/*',
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
];

/** An image's tar in the cache. The tar's name changes with the image's definition. */
export interface CachedImage {
  spec: ImageSpec;
  tarPath: string;
  key: string;
}

/** Where the images lie once they are made; by default those that every node has. */
export async function findImageTars(
  layout: Layout,
  binaries: Binaries,
  specs: ImageSpec[] = images,
): Promise<CachedImage[]> {
  return Promise.all(
    specs.map(async (spec) => {
      const key = await keyOf(spec, binaries);
      return { spec, key, tarPath: join(layout.cacheDir, 'images', `${fileName(spec)}-${key}.tar`) };
    }),
  );
}

/** Makes the images that the cache lacks. */
export async function ensureImageTars(
  layout: Layout,
  binaries: Binaries,
  progress: Progress,
  specs: ImageSpec[] = images,
): Promise<CachedImage[]> {
  const dir = join(layout.cacheDir, 'images');
  await mkdir(dir, { recursive: true });
  const cached = await findImageTars(layout, binaries, specs);
  for (const { spec, tarPath } of cached) {
    if (await exists(tarPath)) continue;
    await withHeartbeat(progress, `making image ${spec.name}`, () => makeTar(dir, tarPath, spec, binaries));
  }
  return cached;
}

function fileName(spec: ImageSpec): string {
  return spec.name.replace(/[/:]/g, '_');
}

async function keyOf(spec: ImageSpec, binaries: Binaries): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([recipe, slim, spec]));
  for (const source of Object.values(spec.files ?? {})) {
    // A program's path holds its version.
    hash.update(
      typeof source === 'string' ? await readFile(join(filesDir, source)) : binaries[source.program],
    );
  }
  return hash.digest('hex').slice(0, 12);
}

async function makeTar(dir: string, tarPath: string, spec: ImageSpec, binaries: Binaries): Promise<void> {
  // Those of killed runs; the cluster's lock keeps two makers apart.
  for (const entry of await readdir(dir)) {
    if (entry.startsWith('.making-')) await rm(join(dir, entry), { recursive: true, force: true });
  }
  const scratch = await mkdtemp(join(dir, '.making-'));
  try {
    // mmdebstrap's own helpers run as other users and must reach the folder.
    await chmod(scratch, 0o755);
    const root = join(scratch, 'root');
    if (spec.packages.length > 0) await debootstrap(root, spec);
    else await mkdir(root, { mode: 0o755 });
    for (const [inside, source] of Object.entries(spec.files ?? {})) {
      const target = join(root, inside);
      await mkdir(dirname(target), { recursive: true });
      await cp(typeof source === 'string' ? join(filesDir, source) : binaries[source.program], target);
      await chmod(target, 0o755);
    }
    for (const command of spec.setup ?? []) await run('sh', ['-euc', command, 'sh', root]);
    const archive = join(scratch, 'archive');
    await mkdir(archive);
    await run('tar', [
      '--numeric-owner',
      '--one-file-system',
      '-C',
      root,
      '-cf',
      join(archive, 'layer.tar'),
      '.',
    ]);
    await describeImage(archive, spec);
    const partial = join(scratch, 'image.tar');
    await run('tar', ['-C', archive, '-cf', partial, 'manifest.json', 'config.json', 'layer.tar']);
    await rename(partial, tarPath);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function debootstrap(root: string, spec: ImageSpec): Promise<void> {
  const { account } = spec;
  const makeAccount =
    account === undefined
      ? []
      : [
          // useradd is not installed yet at this point.
          `--essential-hook=echo "${account.name}:x:${account.id}:${account.id}::${account.home}:/bin/bash" >>"$1/etc/passwd"`,
          `--essential-hook=echo "${account.name}:x:${account.id}:" >>"$1/etc/group"`,
        ];
  // In namespaces of its own that die with us, so that a killed run leaves neither mounts nor processes.
  await run('setpriv', [
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--pid',
    '--mount-proc',
    '--propagation',
    'private',
    '--kill-child',
    '--fork',
    'mmdebstrap',
    '--mode=root',
    '--variant=minbase',
    ...slim,
    ...(spec.exclude ?? []).map((path) => `--dpkgopt=path-exclude=${path}`),
    '--aptopt=APT::Install-Recommends "false"',
    ...makeAccount,
    `--include=${spec.packages.join(',')}`,
    await debianRelease(),
    root,
  ]);
}

async function debianRelease(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8');
  return /^VERSION_CODENAME=(\w+)/m.exec(text)?.[1] ?? 'bookworm';
}

async function describeImage(archive: string, spec: ImageSpec): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(archive, 'layer.tar')), hash);
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      User: spec.user,
      Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
      ...(spec.command === undefined ? {} : { Cmd: spec.command }),
      WorkingDir: spec.workingDir ?? '/',
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
    history: [{ created_by: 'the local cluster of Chandler' }],
  };
  const manifest = [{ Config: 'config.json', RepoTags: namesOf(spec), Layers: ['layer.tar'] }];
  await writeFile(join(archive, 'config.json'), JSON.stringify(config));
  await writeFile(join(archive, 'manifest.json'), JSON.stringify(manifest));
}

/** All names of an image as containerd knows them. */
function namesOf(spec: ImageSpec): string[] {
  return [spec.name, ...(spec.aliases ?? [])].map((name) => `docker.io/${name}`);
}

async function run(command: string, args: string[]): Promise<void> {
  const result = await execa(command, args, { all: true, stdin: 'ignore', reject: false });
  if (result.failed) {
    throw new ClusterError(`${command} failed: ${result.all.trim().split('\n').slice(-6).join(' / ')}`);
  }
}

/** Those images that containerd lacks or has in an older definition. */
export async function missingImages(layout: Layout, cached: CachedImage[]): Promise<CachedImage[]> {
  const { stdout } = await ctr(layout, ['images', 'ls', '-q']);
  const present = new Set(stdout.split('\n'));
  const wanted: CachedImage[] = [];
  for (const image of cached) {
    const imported = await readFile(markPath(layout, image.spec), 'utf8').catch(() => '');
    if (imported !== image.key || !namesOf(image.spec).every((name) => present.has(name))) wanted.push(image);
  }
  return wanted;
}

/** Imports images of the cache. */
export async function importImages(layout: Layout, cached: CachedImage[]): Promise<void> {
  await Promise.all(
    cached.map(async (image) => {
      await importTar(layout, image.tarPath);
      await mkdir(dirname(markPath(layout, image.spec)), { recursive: true });
      await writeFile(markPath(layout, image.spec), image.key);
    }),
  );
}

/** Imports any docker-archive tar into the node. */
export async function importTar(layout: Layout, tarPath: string): Promise<void> {
  await stat(tarPath);
  // Dies with us: an import that nobody waits for would go on into a cluster that is being taken down.
  await execa('setpriv', ['--pdeathsig', 'KILL', 'ctr', ...ctrFlags(layout), 'images', 'import', tarPath], {
    stdin: 'ignore',
  });
}

/** Runs containerd's own client against our containerd. */
export function ctr(layout: Layout, args: string[]) {
  return execa('ctr', [...ctrFlags(layout), ...args], { stdin: 'ignore' });
}

function ctrFlags(layout: Layout): string[] {
  return ['--address', layout.containerdSocket, '--namespace', namespace];
}

function markPath(layout: Layout, spec: ImageSpec): string {
  return join(layout.stateDir, 'imported', fileName(spec));
}
