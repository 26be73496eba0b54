/** The processes of the node: how each is called, and how to see that it is healthy. */
import { join } from 'node:path';
import { probe } from './api.ts';
import type { Binaries } from './binaries.ts';
import { configFile } from './config-files.ts';
import { type Layout, ports } from './layout.ts';
import type { ProcessSpec } from './processes.ts';

/** A process with its health probe, which throws the reason when it fails. */
export interface Component extends ProcessSpec {
  healthy: () => Promise<void>;
}

/** All components by the order in which they need each other. */
export interface Components {
  etcd: Component;
  containerd: Component;
  apiserver: Component;
  controllerManager: Component;
  scheduler: Component;
  kubelet: Component;
  proxy: Component;
  coredns: Component;
  provisioner: Component;
}

/** The components of one cluster. */
export function componentsOf(
  layout: Layout,
  binaries: Binaries,
  containerdHealthy: () => Promise<void>,
): Components {
  const pki = (file: string) => join(layout.pkiDir, file);
  const kubeconfig = (user: string) => join(layout.configDir, `${user}.kubeconfig`);
  const ip = layout.nodeIp;
  const etcdUrl = `https://${ip}:${layout.etcdPort}`;
  const etcdPeerUrl = `https://${ip}:${layout.etcdPeerPort}`;
  const flags = (values: Record<string, string | number | boolean>) =>
    Object.entries(values).map(([name, value]) => `--${name}=${value}`);

  return {
    etcd: {
      name: 'etcd',
      command: '/usr/bin/etcd',
      args: flags({
        name: layout.nodeName,
        'data-dir': join(layout.stateDir, 'etcd'),
        'listen-client-urls': etcdUrl,
        'advertise-client-urls': etcdUrl,
        'listen-peer-urls': etcdPeerUrl,
        'initial-advertise-peer-urls': etcdPeerUrl,
        'initial-cluster': `${layout.nodeName}=${etcdPeerUrl}`,
        'cert-file': pki('etcd.crt'),
        'key-file': pki('etcd.key'),
        'trusted-ca-file': pki('etcd-ca.crt'),
        'client-cert-auth': true,
        'peer-cert-file': pki('etcd.crt'),
        'peer-key-file': pki('etcd.key'),
        'peer-trusted-ca-file': pki('etcd-ca.crt'),
        'peer-client-cert-auth': true,
        // Health without a client certificate; pods may see it, and nothing else.
        'listen-metrics-urls': `http://${ip}:${layout.etcdHealthPort}`,
        'quota-backend-bytes': 4 * 1024 ** 3,
        'snapshot-count': 10_000,
      }),
      healthy: () => probe(`http://${ip}:${layout.etcdHealthPort}/health`),
    },
    containerd: {
      name: 'containerd',
      command: '/usr/bin/containerd',
      args: ['--config', configFile(layout, 'containerd')],
      configFiles: [configFile(layout, 'containerd'), configFile(layout, 'cni')],
      healthy: containerdHealthy,
    },
    apiserver: {
      name: 'kube-apiserver',
      command: binaries.apiserver,
      args: flags({
        'bind-address': ip,
        'advertise-address': ip,
        'secure-port': layout.apiPort,
        'service-cluster-ip-range': layout.serviceCidr,
        'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction',
        'allow-privileged': true,
        'client-ca-file': pki('ca.crt'),
        'tls-cert-file': pki('apiserver.crt'),
        'tls-private-key-file': pki('apiserver.key'),
        'cert-dir': join(layout.stateDir, 'apiserver'),
        'etcd-servers': etcdUrl,
        'etcd-cafile': pki('etcd-ca.crt'),
        'etcd-certfile': pki('apiserver-etcd.crt'),
        'etcd-keyfile': pki('apiserver-etcd.key'),
        'kubelet-certificate-authority': pki('ca.crt'),
        'kubelet-client-certificate': pki('apiserver-kubelet.crt'),
        'kubelet-client-key': pki('apiserver-kubelet.key'),
        // Otherwise exec and logs look the node's name up in DNS.
        'kubelet-preferred-address-types': 'InternalIP',
        'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
        'requestheader-allowed-names': 'front-proxy-client',
        'requestheader-username-headers': 'X-Remote-User',
        'requestheader-group-headers': 'X-Remote-Group',
        'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
        'proxy-client-cert-file': pki('front-proxy.crt'),
        'proxy-client-key-file': pki('front-proxy.key'),
        'enable-aggregator-routing': true,
        'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
        'service-account-key-file': pki('service-account.pub'),
        'service-account-signing-key-file': pki('service-account.key'),
        'audit-policy-file': configFile(layout, 'auditPolicy'),
        'audit-log-path': layout.auditLogPath,
        'audit-log-format': 'json',
        // Tests count requests in it, so it must not rotate under them.
        'audit-log-maxsize': 20_000,
        'max-requests-inflight': 1600,
        'max-mutating-requests-inflight': 800,
        profiling: false,
      }),
      configFiles: [configFile(layout, 'auditPolicy')],
      healthy: () => probe(`https://${ip}:${layout.apiPort}/readyz`),
    },
    controllerManager: {
      name: 'kube-controller-manager',
      command: binaries.controllerManager,
      args: flags({
        kubeconfig: kubeconfig('controller-manager'),
        'authentication-kubeconfig': kubeconfig('controller-manager'),
        'authorization-kubeconfig': kubeconfig('controller-manager'),
        'bind-address': ip,
        'secure-port': ports.controllerManager,
        'cert-dir': join(layout.stateDir, 'controller-manager'),
        'cluster-name': layout.clusterName,
        'leader-elect': false,
        'use-service-account-credentials': true,
        'service-account-private-key-file': pki('service-account.key'),
        'root-ca-file': pki('ca.crt'),
        'cluster-signing-cert-file': pki('ca.crt'),
        'cluster-signing-key-file': pki('ca.key'),
        'service-cluster-ip-range': layout.serviceCidr,
        'flex-volume-plugin-dir': join(layout.kubeletDir, 'volume-plugins'),
        // Tests make and delete many namespaces; the defaults are meant for shared API servers.
        'concurrent-namespace-syncs': 20,
        'kube-api-qps': 200,
        'kube-api-burst': 400,
        profiling: false,
      }),
      configFiles: [kubeconfig('controller-manager')],
      healthy: () => probe(`https://${ip}:${ports.controllerManager}/healthz`),
    },
    scheduler: {
      name: 'kube-scheduler',
      command: binaries.scheduler,
      args: flags({
        kubeconfig: kubeconfig('scheduler'),
        'authentication-kubeconfig': kubeconfig('scheduler'),
        'authorization-kubeconfig': kubeconfig('scheduler'),
        'bind-address': ip,
        'secure-port': ports.scheduler,
        'cert-dir': join(layout.stateDir, 'scheduler'),
        'leader-elect': false,
        profiling: false,
      }),
      configFiles: [kubeconfig('scheduler')],
      healthy: () => probe(`https://${ip}:${ports.scheduler}/healthz`),
    },
    kubelet: {
      name: 'kubelet',
      command: binaries.kubelet,
      args: flags({
        config: configFile(layout, 'kubelet'),
        kubeconfig: kubeconfig('kubelet'),
        'root-dir': layout.kubeletDir,
        'cert-dir': join(layout.kubeletDir, 'pki'),
        'hostname-override': layout.nodeName,
        'node-ip': ip,
      }),
      configFiles: [configFile(layout, 'kubelet'), kubeconfig('kubelet')],
      healthy: () => probe(`http://${ip}:${ports.kubeletHealth}/healthz`),
    },
    proxy: {
      name: 'kube-proxy',
      command: binaries.proxy,
      args: flags({ config: configFile(layout, 'proxy') }),
      configFiles: [configFile(layout, 'proxy'), kubeconfig('proxy')],
      healthy: () => probe(`http://${ip}:${ports.proxyHealth}/healthz`),
    },
    coredns: {
      name: 'coredns',
      command: binaries.coredns,
      args: ['-conf', configFile(layout, 'coredns')],
      configFiles: [configFile(layout, 'coredns'), kubeconfig('coredns')],
      healthy: () => probe(`http://${ip}:${ports.dnsReady}/ready`),
    },
    provisioner: {
      name: 'provisioner',
      command: binaries.provisioner,
      args: flags({ kubeconfig: kubeconfig('provisioner'), root: layout.volumeDir, node: layout.nodeName }),
      configFiles: [kubeconfig('provisioner')],
      // It serves nothing that could be asked; that it runs is checked anyway.
      healthy: () => Promise.resolve(),
    },
  };
}
