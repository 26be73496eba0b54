import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectCluster } from './connect-cluster.ts';
import { json, type ScriptedApiServer, served, startScriptedApiServer } from './scripted-api-server.ts';
import { type Cluster, KubeError } from './types.ts';

let server: ScriptedApiServer;
let cluster: Cluster;

beforeEach(async () => {
  server = await startScriptedApiServer();
  const { kubeconfigPath } = server;
  cluster = await connectCluster({ name: 'test', kubeconfigPath });
});
afterEach(async () => {
  await cluster.close();
  await server.close();
});

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' };
const unicorn = { apiVersion: 'chandler.dev/v1', kind: 'Unicorn' };

describe('discovery', () => {
  test('asks three times in all, however many ask for however many kinds', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => cluster.isNamespaced(deployment)).concat(
        cluster.isNamespaced({ apiVersion: 'v1', kind: 'Namespace' }),
      ),
    );
    expect(answers).toEqual([...Array(20).fill(true), false]);
    expect(await cluster.version()).toEqual({
      gitVersion: 'v1.34.4',
      apiVersions: [
        'apps/v1',
        'apps/v1/Deployment',
        'v1',
        'v1/ConfigMap',
        'v1/Namespace',
        'v1/Secret',
        'v1/Service',
      ],
    });
    expect(server.requests.map(({ path }) => path).sort()).toEqual(['/api', '/apis', '/version']);
  });

  test('a kind that is missing does not make us ask again and again', async () => {
    for (let count = 0; count < 10; count += 1) {
      await expect(cluster.isNamespaced(unicorn)).rejects.toMatchObject({
        status: 404,
        reason: 'UnknownKind',
      });
    }
    expect(server.requests).toHaveLength(3);
  });

  test('a kind that is served in another version says so', async () => {
    await expect(cluster.isNamespaced({ ...deployment, apiVersion: 'apps/v0' })).rejects.toMatchObject({
      reason: 'UnknownKind',
      message: 'The cluster has no kind Deployment in apps/v0, but in apps/v1.',
    });
  });

  test('a kind that goes is noticed by the 404 of its path, and the same kind is found again', async () => {
    await cluster.version();
    const reference = { ...deployment, namespace: 'team', name: 'app' };
    let gone = true;
    server.script = ({ path }, response) => {
      if (!path.startsWith('/apis/apps')) return false;
      if (gone) return response.writeHead(404).end('404 page not found\n') !== undefined;
      return json(response, { metadata: { resourceVersion: '1' }, items: [] });
    };
    const object = { ...deployment, metadata: { namespace: 'team', name: 'app' } };
    await expect(cluster.apply(object)).rejects.toMatchObject({ reason: 'UnknownKind' });
    await expect(cluster.list(deployment)).rejects.toBeInstanceOf(KubeError);
    // Discovery was asked once at first and once after each of the two.
    await cluster.version();
    expect(server.requests.filter(({ path }) => path === '/apis')).toHaveLength(3);
    expect(await cluster.get(reference)).toBeUndefined();
    gone = false;
    expect(await cluster.list(deployment)).toEqual([]);
  });

  test('an API server without aggregated discovery is asked group by group', async () => {
    server.script = ({ path }, response) => {
      const resources = served
        .filter(
          ([group, version]) => path === (group === '' ? `/api/${version}` : `/apis/${group}/${version}`),
        )
        .flatMap(([, , kind, name, scope]) => [
          { name, kind, namespaced: scope === 'Namespaced' },
          { name: `${name}/status`, kind, namespaced: scope === 'Namespaced' },
        ]);
      if (resources.length > 0) return json(response, { kind: 'APIResourceList', resources });
      if (path === '/api') return json(response, { kind: 'APIVersions', versions: ['v1'] });
      if (path !== '/apis') return false;
      const groups = ['apps/v1', 'broken.example.com/v1'].map((groupVersion) => ({
        versions: [{ groupVersion }],
      }));
      return json(response, { kind: 'APIGroupList', groups });
    };
    expect(await cluster.isNamespaced(deployment)).toBe(true);
    expect((await cluster.version()).apiVersions).toContain('apps/v1/Deployment');
    server.script = ({ path }, response) =>
      path === '/apis/apps/v1/namespaces/team/deployments/app' &&
      json(response, { ...deployment, metadata: { name: 'app' } });
    expect((await cluster.get({ ...deployment, namespace: 'team', name: 'app' }))?.metadata.name).toBe('app');
  });
});
