/** The cluster's certificates and kubeconfigs, made with openssl once per cluster. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { exists } from './binaries.ts';
import type { Layout } from './layout.ts';

interface Certificate {
  ca: string;
  subject: string;
  use: 'clientAuth' | 'serverAuth' | 'clientAuth,serverAuth';
  names?: string[];
}

function certificates(layout: Layout): Record<string, Certificate> {
  const node = [`IP:${layout.nodeIp}`, 'IP:127.0.0.1', 'DNS:localhost'];
  const client = (user: string, group?: string): Certificate => ({
    ca: 'ca',
    subject: group === undefined ? `/CN=${user}` : `/O=${group}/CN=${user}`,
    use: 'clientAuth',
  });
  return {
    apiserver: {
      ca: 'ca',
      subject: '/CN=kube-apiserver',
      use: 'serverAuth',
      names: [
        ...node,
        `IP:${layout.apiServiceIp}`,
        'DNS:kubernetes',
        'DNS:kubernetes.default',
        'DNS:kubernetes.default.svc',
        'DNS:kubernetes.default.svc.cluster.local',
      ],
    },
    'kubelet-serving': {
      ca: 'ca',
      subject: `/O=system:nodes/CN=system:node:${layout.nodeName}`,
      use: 'serverAuth',
      names: [...node, `DNS:${layout.nodeName}`],
    },
    admin: client('chandler-admin', 'system:masters'),
    'apiserver-kubelet': client('kube-apiserver-kubelet-client', 'system:masters'),
    kubelet: client(`system:node:${layout.nodeName}`, 'system:nodes'),
    'controller-manager': client('system:kube-controller-manager'),
    scheduler: client('system:kube-scheduler'),
    proxy: client('system:kube-proxy'),
    coredns: client('system:coredns'),
    provisioner: client('system:chandler-provisioner'),
    // Authorities of their own: etcd trusts whoever its authority signed, and so do aggregated API servers.
    etcd: { ca: 'etcd-ca', subject: '/CN=etcd', use: 'clientAuth,serverAuth', names: node },
    'apiserver-etcd': { ca: 'etcd-ca', subject: '/CN=kube-apiserver-etcd-client', use: 'clientAuth' },
    'front-proxy': { ca: 'front-proxy-ca', subject: '/CN=front-proxy-client', use: 'clientAuth' },
  };
}

/** Components that reach the API server with a kubeconfig of their own. */
const kubeconfigUsers = [
  'kubelet',
  'controller-manager',
  'scheduler',
  'proxy',
  'coredns',
  'provisioner',
] as const;

const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];

/** Makes certificates, the service account key and all kubeconfigs, unless they are there. */
export async function ensurePki(layout: Layout): Promise<void> {
  if (await exists(layout.pkiDir)) {
    if (!(await exists(layout.kubeconfigPath))) await writeKubeconfigs(layout);
    return;
  }
  // Renamed when whole, so that a killed run is simply repeated.
  const scratch = `${layout.pkiDir}.partial`;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  await Promise.all([
    ...['ca', 'etcd-ca', 'front-proxy-ca'].map((name) => makeAuthority(scratch, layout, name)),
    makeServiceAccountKey(scratch),
  ]);
  await Promise.all(
    Object.entries(certificates(layout)).map(([name, spec]) => makeCertificate(scratch, name, spec)),
  );
  await rename(scratch, layout.pkiDir);
  await writeKubeconfigs(layout);
}

async function makeAuthority(dir: string, layout: Layout, name: string): Promise<void> {
  await openssl(dir, [
    'req',
    '-x509',
    ...elliptic,
    '-subj',
    `/CN=${layout.clusterName}-${name}`,
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  ]);
}

async function makeServiceAccountKey(dir: string): Promise<void> {
  await openssl(dir, [
    'genpkey',
    '-algorithm',
    'RSA',
    '-pkeyopt',
    'rsa_keygen_bits:2048',
    '-out',
    'service-account.key',
  ]);
  await openssl(dir, ['pkey', '-in', 'service-account.key', '-pubout', '-out', 'service-account.pub']);
}

async function makeCertificate(dir: string, name: string, spec: Certificate): Promise<void> {
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    `extendedKeyUsage=${spec.use}`,
    ...(spec.names === undefined ? [] : [`subjectAltName=${spec.names.join(',')}`]),
  ];
  await openssl(dir, [
    'req',
    '-x509',
    ...elliptic,
    '-CA',
    `${spec.ca}.crt`,
    '-CAkey',
    `${spec.ca}.key`,
    '-subj',
    spec.subject,
    ...extensions.flatMap((extension) => ['-addext', extension]),
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  ]);
}

async function openssl(cwd: string, args: string[]): Promise<void> {
  await execa('openssl', args, { cwd, stdin: 'ignore' });
}

async function writeKubeconfigs(layout: Layout): Promise<void> {
  await mkdir(layout.configDir, { recursive: true, mode: 0o700 });
  await Promise.all(
    kubeconfigUsers.map((user) =>
      writeKubeconfig(layout, user, join(layout.configDir, `${user}.kubeconfig`)),
    ),
  );
  await writeKubeconfig(layout, 'admin', layout.kubeconfigPath);
}

async function writeKubeconfig(layout: Layout, user: string, path: string): Promise<void> {
  const [ca, certificate, key] = await Promise.all(
    ['ca.crt', `${user}.crt`, `${user}.key`].map(async (file) =>
      (await readFile(join(layout.pkiDir, file))).toString('base64'),
    ),
  );
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: layout.clusterName,
        cluster: { server: `https://${layout.nodeIp}:${layout.apiPort}`, 'certificate-authority-data': ca },
      },
    ],
    users: [{ name: user, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: layout.clusterName, context: { cluster: layout.clusterName, user } }],
    'current-context': layout.clusterName,
  };
  await writeFile(`${path}.partial`, stringify(config), { mode: 0o600 });
  await rename(`${path}.partial`, path);
}
