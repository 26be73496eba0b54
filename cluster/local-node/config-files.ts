/** Configuration files of the components, written anew at each `up` (the same content means no restart). */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { pauseImage } from './image-table.ts';
import { type Layout, ports } from './layout.ts';

const files = {
  auditPolicy: 'audit-policy.yaml',
  kubelet: 'kubelet.yaml',
  proxy: 'proxy.yaml',
  containerd: 'containerd.toml',
  coredns: 'Corefile',
  cni: 'cni/10-bridge.conflist',
} as const;

/** Path of one configuration file. */
export function configFile(layout: Layout, file: keyof typeof files): string {
  return join(layout.configDir, files[file]);
}

/** Writes all configuration files. `bridgeFiltered`: bridged packets pass the packet filter (br_netfilter). */
export async function writeConfigFiles(layout: Layout, bridgeFiltered: boolean): Promise<void> {
  const resolv = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const hasNameserver = /^\s*nameserver\s/m.test(resolv);
  const contents: Record<keyof typeof files, string> = {
    auditPolicy: stringify(auditPolicy()),
    kubelet: stringify(kubelet(layout, hasNameserver)),
    proxy: stringify(proxy(layout, bridgeFiltered)),
    containerd: containerd(layout),
    coredns: coredns(layout, hasNameserver),
    cni: `${JSON.stringify(cni(layout), null, 2)}\n`,
  };
  for (const [name, content] of Object.entries(contents)) {
    const path = configFile(layout, name as keyof typeof files);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { mode: 0o600 });
  }
}

function auditPolicy(): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    // One line per request, when it is answered.
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  };
}

function kubelet(layout: Layout, hasNameserver: boolean): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: layout.nodeIp,
    port: ports.kubelet,
    healthzBindAddress: layout.nodeIp,
    healthzPort: ports.kubeletHealth,
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(layout.pkiDir, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(layout.pkiDir, 'kubelet-serving.crt'),
    tlsPrivateKeyFile: join(layout.pkiDir, 'kubelet-serving.key'),
    clusterDNS: [layout.dnsIp],
    clusterDomain: 'cluster.local',
    resolvConf: hasNameserver ? '/etc/resolv.conf' : '',
    cgroupDriver: 'cgroupfs',
    failSwapOn: false,
    failCgroupV1: false,
    // iptables is not used at all: kube-proxy and the bridge speak nftables.
    makeIPTablesUtilChains: false,
    // Images cannot be pulled again, so none may ever be collected.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
      'imagefs.inodesFree': '1%',
    },
    maxPods: 250,
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    serializeImagePulls: false,
    podLogsDir: join(layout.stateDir, 'pod-logs'),
    volumePluginDir: join(layout.kubeletDir, 'volume-plugins'),
  };
}

function proxy(layout: Layout, bridgeFiltered: boolean): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(layout.configDir, 'proxy.kubeconfig') },
    clusterCIDR: layout.podCidr,
    hostnameOverride: layout.nodeName,
    healthzBindAddress: `${layout.nodeIp}:${ports.proxyHealth}`,
    metricsBindAddress: `${layout.nodeIp}:${ports.proxyMetrics}`,
    // Without br_netfilter the answer of a pod on the same bridge would not pass the translation again.
    nftables: { masqueradeAll: !bridgeFiltered, minSyncPeriod: '100ms' },
    // The machine's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

function containerd(layout: Layout): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${join(layout.stateDir, 'containerd')}"
state = "${join(layout.runDir, 'containerd')}"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "${layout.containerdSocket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${join(layout.stateDir, 'opt')}"

[${cri}]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE runc otherwise dies with "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dirname(configFile(layout, 'cni'))}"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        Root = "${join(layout.runDir, 'runc')}"
        SystemdCgroup = false
`;
}

function cni(layout: Layout): object {
  return {
    cniVersion: '0.4.0',
    name: layout.cniNetwork,
    plugins: [
      {
        type: 'bridge',
        bridge: layout.bridge,
        isGateway: true,
        // Masquerading is one rule of ours; the plugin would leave iptables chains behind.
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(layout.stateDir, 'cni'),
          ranges: [[{ subnet: layout.podCidr, gateway: layout.nodeIp }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}

function coredns(layout: Layout, hasNameserver: boolean): string {
  return `.:${ports.dns} {
  bind ${layout.nodeIp}
  errors
  ready ${layout.nodeIp}:${ports.dnsReady}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${join(layout.configDir, 'coredns.kubeconfig')}
    pods insecure
    ttl 5
  }
${hasNameserver ? '  forward . /etc/resolv.conf\n' : ''}  cache {
    success 1024 5
    denial 1024 2
  }
  loadbalance
}
`;
}
