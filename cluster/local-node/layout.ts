/** The one owner of the local node's names, addresses and folders: everything is derived from the cluster's name. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything of one cluster lies and what it is called. */
export interface Layout {
  clusterName: string;
  nodeName: string;
  /** Linux allows 15 characters. */
  bridge: string;
  bridgeMac: string;
  /** Address of the bridge, and of every component: no port of another address is taken. */
  nodeIp: string;
  podCidr: string;
  podPrefixLength: number;
  serviceCidr: string;
  apiServiceIp: string;
  dnsIp: string;
  nftTable: string;
  /** Name of the CNI network; its leftovers in the CNI cache are found by it. */
  cniNetwork: string;
  apiPort: number;
  etcdPort: number;
  etcdPeerPort: number;
  etcdHealthPort: number;
  /** All that must outlive a reboot: etcd, certificates, images, volumes, logs. */
  stateDir: string;
  /** Sockets, mounts and the lock; kept short, since a socket's path may have 107 bytes at most. */
  runDir: string;
  pkiDir: string;
  configDir: string;
  logDir: string;
  volumeDir: string;
  kubeletDir: string;
  containerdSocket: string;
  kubeconfigPath: string;
  auditLogPath: string;
  cacheDir: string;
}

/** Ports every component uses at the node's address. */
export const ports = {
  controllerManager: 10257,
  scheduler: 10259,
  kubelet: 10250,
  kubeletHealth: 10248,
  proxyHealth: 10256,
  proxyMetrics: 10249,
  dns: 53,
  dnsReady: 8181,
} as const;

/** The per-user cache for programs and images, which survives `down`. */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'chandler');
}

/** `slot` (0 to 9) keeps the addresses of a second cluster apart from the first one's. */
export function layoutOf(clusterName = 'chandler', slot = 0): Layout {
  const stateDir = join('/var/lib/chandler-cluster', clusterName);
  const runDir = join('/run/chandler-cluster', clusterName);
  const pods = `10.${244 + slot}`;
  const services = `10.${96 + slot}`;
  const configDir = join(stateDir, 'config');
  return {
    clusterName,
    nodeName: `${clusterName}-node`,
    bridge: `chandler${slot}`,
    bridgeMac: `02:63:68:64:00:0${slot}`,
    nodeIp: `${pods}.0.1`,
    podCidr: `${pods}.0.0/20`,
    podPrefixLength: 20,
    serviceCidr: `${services}.0.0/16`,
    apiServiceIp: `${services}.0.1`,
    dnsIp: `${services}.0.10`,
    nftTable: `chandler${slot}`,
    cniNetwork: `chandler-${clusterName}`,
    apiPort: 6443,
    etcdPort: 2379,
    etcdPeerPort: 2380,
    etcdHealthPort: 2381,
    stateDir,
    runDir,
    pkiDir: join(stateDir, 'pki'),
    configDir,
    logDir: join(stateDir, 'logs'),
    volumeDir: join(stateDir, 'volumes'),
    kubeletDir: join(stateDir, 'kubelet'),
    containerdSocket: join(runDir, 'containerd.sock'),
    kubeconfigPath: join(stateDir, 'admin.kubeconfig'),
    auditLogPath: join(stateDir, 'logs', 'audit.log'),
    cacheDir: cacheDir(),
  };
}
