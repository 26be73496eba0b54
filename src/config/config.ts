import type { OsbOptions } from '../domain/osb-options.ts';
import type { Step } from '../domain/steps.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Redacted } from '../lib/redacted.ts';

/** Everything that is set from outside, parsed once at the start and never changed. */
export interface Config {
  /** Connection URL of Chandler's own Postgres. */
  readonly databaseUrl: Redacted<string>;
  /** A direct URL for LISTEN, when `databaseUrl` leads through a transaction-mode pooler. */
  readonly listenUrl?: Redacted<string>;
  /** File that holds the key-encryption key. */
  readonly keyFile: string;
  readonly catalogFolder: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Without it Chandler serves plain HTTP, for a proxy that ends TLS. */
  readonly tls?: TlsFiles;
  /** At least one. Several for one platform while its password is rotated. */
  readonly credentials: readonly PlatformCredential[];
  /** Name of the cluster that new instances are placed on. */
  readonly clusterName: string;
  readonly kube: KubeSource;
  /** Values that replace the same keys of every plan's `set`, for example the image of a local cluster. */
  readonly planSet: JsonObject;
  /** The helm executable; found on the PATH when absent. */
  readonly helmPath?: string;
  /** A `config.json` of Docker with the logins of the registries that charts are fetched from. */
  readonly helmRegistryConfig?: string;
  /** PEM file of the authorities that these registries and repositories are trusted by. */
  readonly helmCaFile?: string;
  /** The namespace Chandler itself runs in; nothing is delivered there. */
  readonly ownNamespace?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Operations that one process works on at the same time. */
  readonly workerConcurrency: number;
  /** Binds and unbinds of one service instance at the same time, over all processes. */
  readonly serverConcurrency: number;
  /** Operations on one cluster at the same time, over all processes. */
  readonly clusterConcurrency: number;
  readonly leaseSeconds: number;
  /** How long a request without accepts_incomplete waits before its operation is cancelled. */
  readonly syncWaitSeconds: number;
  /** How long a request with accepts_incomplete waits for a verb that may be quick. */
  readonly quickWaitMs: number;
  /** Seconds between two rounds of sweeps, all replicas together; 0 runs none. */
  readonly sweepSeconds: number;
  /** How long rows and what is outside must differ before that counts as confirmed. */
  readonly orphanGraceSeconds: number;
  /** How long finished operations and tombstones are kept. */
  readonly retentionDays: number;
  /** How often each instance is compared with its plan; 0 for never. */
  readonly driftSeconds: number;
  /** Only for tests; empty otherwise. */
  readonly failpoints: readonly Failpoint[];
}

export const failpointModes = ['error', 'kill', 'pause'] as const;

/** What becomes of this process the first time it comes to a step. */
export interface Failpoint {
  readonly step: Step;
  readonly mode: (typeof failpointModes)[number];
}

/** PEM files, read again when they change. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A basic credential, the platform it speaks for, and how Chandler treats that platform. */
export interface PlatformCredential {
  readonly username: string;
  readonly password: Redacted<string>;
  readonly platform: string;
  /** Names or globs such as `team-*`. */
  readonly namespaces: readonly string[];
  /** The app namespace of requests whose context names none; one that `namespaces` allows. */
  readonly defaultNamespace?: string;
  /** Whether each binding gets a Secret and a ConfigMap in the app namespace. */
  readonly delivers: boolean;
  readonly options: OsbOptions;
}

export type KubeSource =
  | { readonly kind: 'kubeconfig'; readonly path: string }
  | { readonly kind: 'in-cluster' };

/** Thrown when environment and file do not make a configuration; has a line for each thing that is wrong. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
  readonly problems: string[];
  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
