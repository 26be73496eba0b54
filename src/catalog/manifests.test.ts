// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { problemsOf, useCatalogFolder } from './catalog-fixture.ts';

const { write, loadWith } = useCatalogFolder({ beforeEach, afterEach });

const cluster: JsonObject = {
  id: 'cluster',
  manifest: {
    apiVersion: 'db.example.com/v1',
    kind: 'Cluster',
    spec: { size: '${parameters.storage}', admin: '${admin.name}', self: '${cluster.name}' },
  },
  readyWhen: ['${cluster.status.ready == true}'],
};
const admin: JsonObject = {
  id: 'admin',
  secret: { username: 'chief', password: '${generated.admin.password}' },
};

async function resourcesOf(change: JsonObject) {
  const { compiledPlans } = await loadWith({ outputs: { host: 'h', port: 1 }, ...change });
  return compiledPlans[0]?.revision.resources;
}

describe('objects that the plan writes itself', () => {
  it('come after what they read, and may read their own name', async () => {
    expect(await resourcesOf({ resources: [cluster, admin] })).toMatchObject([
      { id: 'admin', kind: 'secret' },
      {
        id: 'cluster',
        kind: 'manifest',
        objects: [{ apiVersion: 'db.example.com/v1', kind: 'Cluster', spec: { admin: '${admin.name}' } }],
        readyWhen: ['${cluster.status.ready == true}'],
      },
    ]);
  });

  it('may come from a folder, one object per file, in the order of the names', async () => {
    await write(
      'manifests/db/2-service.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: {name: "${server.name}"}\n',
    );
    await write(
      'manifests/db/1-config.yaml',
      'apiVersion: v1\nkind: ConfigMap\ndata: {cpu: "${plan.cpu}"}\n',
    );
    await write('manifests/db/README.md', 'no object');
    const resources = await resourcesOf({ resources: [admin, { id: 'server', manifests: 'manifests/db' }] });
    expect(resources?.[1]).toMatchObject({
      kind: 'manifest',
      objects: [{ kind: 'ConfigMap', data: { cpu: '${plan.cpu}' } }, { kind: 'Service' }],
    });
  });

  it('are complained of where they are written', async () => {
    await write('manifests/db/a.yaml', 'apiVersion: v1\nkind: ConfigMap\ndata:\n  cpu: "${plan.cpuu}"\n');
    await write('manifests/db/b.yaml', 'apiVersion: v1\nkind: [ConfigMap]\n');
    await write('manifests/db/c.yaml', 'apiVersion: v1\n kind: x\n');
    const problems = await problemsOf(
      loadWith({
        resources: [admin, { id: 'server', manifests: 'manifests/db' }],
        outputs: { host: 'h', port: 1 },
      }),
    );
    expect(problems).toMatchObject([
      { file: 'manifests/db/b.yaml', line: 2, message: '`kind` must be a text' },
      { file: 'manifests/db/c.yaml', line: 1, message: 'must be a map' },
      { file: 'manifests/db/c.yaml', line: 1, message: expect.stringContaining('this is not YAML') },
    ]);
    await write('manifests/db/b.yaml', 'apiVersion: v1\nkind: Service\n');
    await write('manifests/db/c.yaml', 'apiVersion: v1\nkind: Secret\n');
    expect(
      await problemsOf(
        loadWith({
          resources: [admin, { id: 'server', manifests: 'manifests/db' }],
          outputs: { host: 'h', port: 1 },
        }),
      ),
    ).toMatchObject([
      { file: 'manifests/db/a.yaml', line: 4, message: expect.stringContaining('no `plan.cpuu`') },
    ]);
  });
});

describe('an object that an operator makes', () => {
  it('is read by its name, and may hold the admin of the server', async () => {
    const read = { id: 'login', read: { apiVersion: 'v1', kind: 'Secret', name: '${cluster.name}-app' } };
    const { compiledPlans } = await loadWith({
      resources: [read, cluster, admin],
      outputs: { host: '${cluster.status.host}', port: 5432 },
      bind: { admin: 'login' },
    });
    expect(compiledPlans[0]?.revision.resources.at(-1)).toEqual({
      ...{ id: 'login', kind: 'read', readyWhen: [] },
      object: { apiVersion: 'v1', kind: 'Secret', name: '${cluster.name}-app' },
    });
  });

  it('gives nothing of a Secret to the outputs, which are no secret', async () => {
    const read = { id: 'login', read: { apiVersion: 'v1', kind: 'Secret', name: 'x' } };
    const problems = await problemsOf(
      loadWith({ resources: [admin, read], outputs: { host: '${login.data.host}', port: 1 } }),
    );
    expect(problems).toMatchObject([{ message: expect.stringContaining('outputs are no secret') }]);
  });
});

describe('the policy of the plan', () => {
  const service = (type: string): JsonObject => ({
    resources: [admin, { id: 'server', manifest: { apiVersion: 'v1', kind: 'Service', spec: { type } } }],
  });

  it('holds for what the plan writes itself, but for kinds within the namespace, which it lists so', async () => {
    expect(await resourcesOf({ resources: [cluster, admin] })).toHaveLength(2);
    const [problem] = await problemsOf(loadWith(service('NodePort')));
    expect(problem?.message).toBe(
      'The policy of the plan forbids: Service i-sample-server is of type NodePort (allowed by policy.allow: [NodePort]).',
    );
    expect(await resourcesOf({ ...service('NodePort'), policy: { allow: ['NodePort'] } })).toHaveLength(2);
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', rules: [] };
    const [scope] = await problemsOf(loadWith({ resources: [admin, { id: 'role', manifests: [role] }] }));
    expect(scope?.message).toContain('ClusterRole i-sample-role is cluster-scoped');
  });

  it('is asked with the values that a sample instance has, and not where only a real one has them', async () => {
    const set = { type: 'NodePort' };
    expect(await problemsOf(loadWith({ ...service('${plan.type}'), set }))).toHaveLength(1);
    const reads = service('${cluster.status.type}');
    expect(await resourcesOf({ resources: [cluster, ...(reads.resources as JsonObject[])] })).toHaveLength(3);
  });
});
