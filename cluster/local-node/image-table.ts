/** Every image the node has: none can be pulled, each is made from Debian packages. One row per image. */
import { kroVersion } from './binaries.ts';

/** One image. Its name is what a pod's spec says; `docker.io/` is what containerd puts before it. */
export interface ImageSpec {
  name: string;
  /** Debian packages; an image without any holds only `files`. */
  packages: string[];
  /** Numeric, so that runAsNonRoot can judge it. */
  user: string;
  /** Makes the user before the packages do, so that its number is ours. */
  account?: { name: string; id: number; home: string };
  env?: Record<string, string>;
  entrypoint?: string[];
  command?: string[];
  workingDir?: string;
  /** Patterns of paths that dpkg leaves out, beside manuals and translations. */
  exclude?: string[];
  /** Shell commands run with `$1` as the image's root folder, once the packages are in. */
  setup?: string[];
  /** Files put into the image: path inside -> path below cluster/images, or the name of a built program. */
  files?: Record<string, string | { program: 'pause' | 'kro' }>;
  /** Other names for the same image. */
  aliases?: string[];
}

export const pauseImage = 'docker.io/chandler/pause:1';
export const postgresqlImage = 'chandler/postgresql:15';
const sampleAppImage = 'chandler/sample-app:1';

/** uid and gid of `postgres` in the PostgreSQL image, the same as in the official one. */
const postgresqlUid = 999;

export const images: ImageSpec[] = [
  {
    name: 'chandler/pause:1',
    packages: [],
    user: '65535',
    entrypoint: ['/pause'],
    files: { '/pause': { program: 'pause' } },
  },
  {
    name: postgresqlImage,
    aliases: [sampleAppImage],
    packages: ['postgresql-15', 'postgresql-client-15', 'locales'],
    // Just-in-time compilation is half of the package's size; PostgreSQL does without it by itself.
    exclude: [
      '/usr/lib/*/libLLVM*',
      '/usr/lib/*/libz3*',
      '/usr/lib/postgresql/*/lib/bitcode/*',
      '/usr/lib/postgresql/*/lib/llvmjit*',
    ],
    user: String(postgresqlUid),
    account: { name: 'postgres', id: postgresqlUid, home: '/var/lib/postgresql' },
    env: {
      PATH: '/usr/local/bin:/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'en_US.UTF-8',
      PGDATA: '/var/lib/postgresql/data/pgdata',
    },
    entrypoint: ['docker-entrypoint.sh'],
    command: ['postgres'],
    files: { '/usr/local/bin/docker-entrypoint.sh': 'postgresql/docker-entrypoint.sh' },
    setup: [
      'chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8',
      // Perl serves Debian's wrappers only; PATH finds the real programs first.
      'rm -rf "$1/usr/share/perl" "$1/usr/share/perl5" "$1"/usr/lib/*/perl "$1"/usr/lib/*/perl5',
      'rm -rf "$1/usr/share/i18n" "$1/etc/postgresql" "$1/var/lib/postgresql"/*',
      'mkdir -p "$1/var/lib/postgresql/data" "$1/run/postgresql" "$1/docker-entrypoint-initdb.d"',
      'chroot "$1" chown 999:999 /var/lib/postgresql /var/lib/postgresql/data /run/postgresql',
      // The data folder for a container without a volume; the socket folder for any user number.
      'chmod 1777 "$1/var/lib/postgresql/data"',
      'chmod 3777 "$1/run/postgresql"',
    ],
  },
];

/** Not on every node: the operator that tests use (cluster/operators/kro.ts). Its chart passes arguments only. */
export const kroImage: ImageSpec = {
  name: `chandler/kro:${kroVersion}`,
  packages: [],
  user: '65532',
  entrypoint: ['/kro'],
  files: { '/kro': { program: 'kro' } },
};
