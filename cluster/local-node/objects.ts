/** Kubernetes objects the node itself needs: cluster DNS and the default StorageClass. */
import { type Layout, ports } from './layout.ts';

/** An object with the path it is applied to. */
export interface PlacedObject {
  path: string;
  object: object;
}

/** All of them; any order will do. */
export function nodeObjects(layout: Layout): PlacedObject[] {
  return [
    ...clusterRole('system:coredns', 'system:coredns', [
      { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    ...clusterRole('system:chandler-provisioner', 'system:chandler-provisioner', [
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['persistentvolumeclaims/status'], verbs: ['patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
    ]),
    storageClass(),
    dnsService(layout),
    dnsEndpoints(layout),
  ];
}

function clusterRole(name: string, user: string, rules: object[]): PlacedObject[] {
  const api = { apiVersion: 'rbac.authorization.k8s.io/v1' };
  const base = '/apis/rbac.authorization.k8s.io/v1';
  return [
    {
      path: `${base}/clusterroles/${name}`,
      object: { ...api, kind: 'ClusterRole', metadata: { name }, rules },
    },
    {
      path: `${base}/clusterrolebindings/${name}`,
      object: {
        ...api,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
      },
    },
  ];
}

function storageClass(): PlacedObject {
  const name = 'host-folder';
  return {
    path: `/apis/storage.k8s.io/v1/storageclasses/${name}`,
    object: {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'chandler.dev/host-folder',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: true,
    },
  };
}

const dnsName = 'kube-dns';

// CoreDNS is a process of the node, so its Service has no selector and its endpoint is written here.
function dnsService(layout: Layout): PlacedObject {
  return {
    path: `/api/v1/namespaces/kube-system/services/${dnsName}`,
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: dnsName, namespace: 'kube-system', labels: { 'k8s-app': dnsName } },
      spec: {
        clusterIP: layout.dnsIp,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP', targetPort: ports.dns },
          { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: ports.dns },
        ],
      },
    },
  };
}

function dnsEndpoints(layout: Layout): PlacedObject {
  return {
    path: `/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/${dnsName}`,
    object: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: dnsName,
        namespace: 'kube-system',
        labels: {
          'kubernetes.io/service-name': dnsName,
          'endpointslice.kubernetes.io/managed-by': 'chandler-cluster',
        },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [layout.nodeIp], conditions: { ready: true } }],
      ports: [
        { name: 'dns', port: ports.dns, protocol: 'UDP' },
        { name: 'dns-tcp', port: ports.dns, protocol: 'TCP' },
      ],
    },
  };
}
