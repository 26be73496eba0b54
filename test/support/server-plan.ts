// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import type { BindSpec, PlanRevision } from '../../src/domain/offering.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';

/** Made like the PostgreSQL plan that is shipped: a secret, and a chart that reads its name. */
export const serverPlan: Pick<PlanRevision, 'generate' | 'resources' | 'outputs' | 'sync'> = {
  generate: { admin: { password: { length: 32 } } },
  resources: [
    {
      id: 'admin',
      kind: 'secret',
      data: { username: 'chandler_admin', password: '${generated.admin.password}' },
      readyWhen: [],
    },
    helmResource('server', { existingSecret: '${admin.name}' }),
  ],
  outputs: {
    host: '${server.services.primary.host}',
    port: '${server.services.primary.port}',
  },
  sync: { provision: false, update: false, deprovision: false, bind: false, unbind: false },
};

export const serverBind: BindSpec = {
  ...{ engine: 'postgresql', admin: 'admin', connectionLimit: -1 },
  ...{ rotatable: true, requiresApp: false, attachments: {} },
};

/** A resource whose chart is found in the table under the resource's own id. */
export function helmResource(
  id: string,
  values: JsonObject = {},
  readyWhen: string[] = [],
): PlanRevision['resources'][number] {
  return { id, kind: 'helm', chartDigest: id, chartName: id, values, readyWhen };
}

/** Volume, Service and workload, named after the release. */
export function serverChart({ releaseName: name, values }: RenderRequest): KubeObject[] {
  const labels = { 'app.kubernetes.io/component': 'primary' };
  const { existingSecret = null } = values;
  return [
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: {} },
    { apiVersion: 'v1', kind: 'Service', metadata: { name, labels }, spec: { ports: [{ port: 5432 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name },
      spec: { replicas: 1, template: { metadata: {}, spec: { existingSecret } } },
    },
  ];
}
