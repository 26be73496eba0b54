import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Redacted } from '../lib/redacted.ts';
import { KubeError } from './types.ts';

export interface AccessOptions {
  /** Path of a kubeconfig; its current context is used. Never the ambient KUBECONFIG. */
  kubeconfigPath?: string;
  /** The ServiceAccount of the pod Chandler runs in. */
  inCluster?: boolean;
}

export interface TlsMaterial {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** Everything one needs to send a request. Holds credentials: never log it. */
export interface ClusterAccess {
  server: URL;
  headers: Record<string, string>;
  tls: TlsMaterial;
  /** Changes when connections made with older material must not be used any more. */
  fingerprint: string;
}

export interface AccessSource {
  /** @throws KubeError 0 `AccessFailed` when the credentials cannot be had */
  current(): Promise<ClusterAccess>;
  /** The server refused the credentials: load them anew at the next call. */
  renew(): void;
  /** The server did not answer or is not the one we trust: look at the next call whether the file was written anew. */
  recheck(): void;
}

const cachedForMs = 30_000;
const pluginTimeoutMs = 30_000;

/**
 * Loads credentials through client-node (client certificates, tokens, exec plugins, OIDC, in-cluster token) and loads
 * them again: every 30 s what may have expired, and the whole file when it was written anew or the server said 401.
 */
export function clusterAccess(options: AccessOptions): AccessSource {
  if ((options.kubeconfigPath === undefined) === (options.inCluster !== true)) {
    throw new Error('A cluster needs either a kubeconfig path or inCluster, and not both.');
  }
  let config: KubeConfig | undefined;
  let fileTime = 0;
  let cached: { access: Promise<ClusterAccess>; until: number } | undefined;

  function loadConfig(): KubeConfig {
    const written = options.kubeconfigPath === undefined ? 0 : statSync(options.kubeconfigPath).mtimeMs;
    if (config !== undefined && written === fileTime) return config;
    const loaded = new KubeConfig();
    if (options.kubeconfigPath === undefined) loaded.loadFromCluster();
    else loaded.loadFromFile(options.kubeconfigPath);
    config = loaded;
    fileTime = written;
    return loaded;
  }

  return {
    async current() {
      if (cached === undefined || cached.until < Date.now()) {
        const access = withTimeout(async () => readAccess(loadConfig()));
        cached = { access, until: Date.now() + cachedForMs };
      }
      try {
        return await cached.access;
      } catch (cause) {
        cached = undefined;
        if (cause instanceof KubeError) throw cause;
        throw new KubeError(
          0,
          'AccessFailed',
          `The credentials of the cluster could not be loaded (${kindOf(cause)}).`,
        );
      }
    },
    recheck() {
      cached = undefined;
    },
    renew() {
      cached = undefined;
      config = undefined;
    },
  };
}

/** The cause itself is not told: a parser quotes what it could not parse, and that may be a token. */
function kindOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  return 'code' in cause ? String(cause.code) : cause.name;
}

async function readAccess(config: KubeConfig): Promise<ClusterAccess> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeError(0, 'AccessFailed', 'The kubeconfig has no current cluster.');
  if (cluster.proxyUrl) throw new KubeError(0, 'AccessFailed', 'proxy-url of a kubeconfig is not supported.');
  const applied: RequestOptions & TlsMaterial = {};
  await config.applyToHTTPSOptions(applied as RequestOptions);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(applied.headers ?? {})) {
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (applied.auth) headers.authorization = `Basic ${Buffer.from(applied.auth).toString('base64')}`;
  const tls: TlsMaterial = {
    ...(applied.ca === undefined ? {} : { ca: applied.ca }),
    ...(applied.cert === undefined ? {} : { cert: applied.cert }),
    ...(applied.key === undefined ? {} : { key: applied.key }),
    ...(applied.servername === undefined ? {} : { servername: applied.servername }),
    ...(applied.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: applied.rejectUnauthorized }),
  };
  const material = [cluster.server, tls.ca, tls.cert, tls.key, tls.servername, tls.rejectUnauthorized].map(
    String,
  );
  const fingerprint = createHash('sha256').update(JSON.stringify(material)).digest('hex');
  return { server: new URL(cluster.server), headers, tls, fingerprint };
}

/** A kubeconfig for the same API server, with a token in place of our credentials. */
export function lentKubeconfig({ server, tls }: ClusterAccess, token: string): Redacted<string> {
  const { ca, servername, rejectUnauthorized } = tls;
  const cluster = {
    server: server.href,
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(servername === undefined ? {} : { 'tls-server-name': servername }),
    ...(rejectUnauthorized === false ? { 'insecure-skip-tls-verify': true } : {}),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lent', cluster }],
    users: [{ name: 'lent', user: { token } }],
    contexts: [{ name: 'lent', context: { cluster: 'lent', user: 'lent' } }],
    'current-context': 'lent',
  };
  return new Redacted(JSON.stringify(config));
}

/** client-node gives an exec plugin all the time in the world. */
async function withTimeout(read: () => Promise<ClusterAccess>): Promise<ClusterAccess> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(new KubeError(0, 'AccessFailed', 'The credentials plugin did not answer in 30 s.'));
  }, pluginTimeoutMs);
  try {
    return await Promise.race([read(), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
