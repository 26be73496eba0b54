import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConnectOptions, connectCluster } from './connect-cluster.ts';
import { json, type ScriptedApiServer, startScriptedApiServer, status } from './scripted-api-server.ts';
import { type Cluster, KubeError } from './types.ts';

let server: ScriptedApiServer;
const open: Cluster[] = [];

beforeEach(async () => {
  server = await startScriptedApiServer();
});
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
  await server.close();
});

async function connect(client: ConnectOptions['client'] = {}): Promise<Cluster> {
  const { kubeconfigPath } = server;
  const cluster = await connectCluster({ name: 'test', kubeconfigPath, client });
  open.push(cluster);
  return cluster;
}

const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' };
const reference = { ...configMapKind, namespace: 'team', name: 'settings' };
const object = { ...configMapKind, metadata: { namespace: 'team', name: 'settings' } };
const path = '/api/v1/namespaces/team/configmaps/settings';

/** The error of a promise that must fail. */
async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => expect.unreachable('it did not fail'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeError);
  return error as KubeError;
}

/** Requests other than discovery. */
function asked() {
  return server.requests.filter((each) => !['/version', '/api', '/apis'].includes(each.path));
}

describe('connections', () => {
  test('requests one after the other share one connection', async () => {
    server.script = ({ path: at }, response) => at === path && json(response, object);
    const cluster = await connect();
    await cluster.get(reference);
    const before = server.connections;
    for (let count = 0; count < 50; count += 1) await cluster.get(reference);
    expect(server.connections).toBe(before);
  });

  test('a hundred watches leave the connections for ordinary requests alone', async () => {
    server.script = ({ path: at, query }, response) => {
      if (query.has('watch')) return response.writeHead(200).flushHeaders() === undefined;
      if (at === path) return json(response, object);
      return at.endsWith('/configmaps') && json(response, { metadata: { resourceVersion: '1' }, items: [] });
    };
    const cluster = await connect({ connections: 1, perSecond: 1000, burst: 1000 });
    const quiet = { onSync() {}, onChange() {}, onBreak() {} };
    for (let count = 0; count < 100; count += 1) {
      cluster.watch(configMapKind, { labelSelector: '', metadataOnly: false }, quiet);
    }
    await expect.poll(() => server.requests.filter(({ query }) => query.has('watch')).length).toBe(100);
    expect((await cluster.get(reference))?.metadata.name).toBe('settings');
  });

  test('an API server that is not there is an error that passes, without credentials', async () => {
    const cluster = await connect();
    server.script = (_request, response) => response.destroy() !== undefined;
    await server.close();
    const error = await failure(cluster.get(reference));
    expect(error).toMatchObject({ status: 0, passing: true });
    expect(error.message).toMatch(/^The API server of cluster test does not answer \(ECONNREFUSED\)\.$/);
    expect(inspect(error, { depth: 9 })).not.toContain('first-token');
    expect(await cluster.ready()).toBe(false);
    server = await startScriptedApiServer();
  });

  test('an API server that says nothing is given up', async () => {
    const cluster = await connect({ requestTimeoutMs: 300 });
    await cluster.version();
    server.script = () => new Promise(() => undefined);
    expect(await failure(cluster.get(reference))).toMatchObject({ status: 0, passing: true });
  });

  test('watches that were open while it said nothing are made anew as soon as it answers', async () => {
    let silent = false;
    const watches = () => asked().filter(({ query }) => query.has('watch')).length;
    server.script = ({ path: at, query }, response) => {
      if (query.has('watch')) return response.writeHead(200).flushHeaders() === undefined;
      if (silent) return true;
      if (at === path) return json(response, object);
      return at.endsWith('/configmaps') && json(response, { metadata: { resourceVersion: '1' }, items: [] });
    };
    const cluster = await connect({ requestTimeoutMs: 500, silenceMs: 400 });
    cluster.watch(
      configMapKind,
      { labelSelector: '', metadataOnly: false },
      { onSync() {}, onChange() {}, onBreak() {} },
    );
    await expect.poll(watches).toBe(1);

    silent = true;
    await failure(cluster.get(reference));
    expect(watches()).toBe(1);
    silent = false;
    await cluster.get(reference);
    await expect.poll(watches, { timeout: 5_000 }).toBe(2);
  });

  test('whether it is ready is known within two seconds or so, whatever it does', async () => {
    const cluster = await connect();
    server.script = ({ path: at }, response) => at === '/readyz' && response.end('ok') !== undefined;
    expect(await cluster.ready()).toBe(true);
    server.script = () => new Promise(() => undefined);
    const startedAt = performance.now();
    expect(await cluster.ready()).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('a read is repeated once when its connection breaks; a creation is not, for it may have happened', async () => {
    const cluster = await connect();
    await cluster.version();
    let broken = 0;
    server.script = ({ path: at, method }, response) => {
      if (method === 'GET' && broken > 0) return at === path && json(response, object);
      broken += 1;
      return response.destroy() !== undefined;
    };
    expect((await cluster.get(reference))?.metadata.name).toBe('settings');
    expect(broken).toBe(1);
    expect(await failure(cluster.create(object))).toMatchObject({ status: 0 });
    expect(asked().filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});

describe('politeness', () => {
  test('429 is waited out for as long as Retry-After says', async () => {
    const cluster = await connect();
    await cluster.version();
    let times = 0;
    server.script = ({ path: at }, response) => {
      times += 1;
      if (times > 1) return at === path && json(response, object);
      return status(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '1' });
    };
    const startedAt = performance.now();
    await cluster.get(reference);
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    expect(times).toBe(2);
  });

  test('a server that never stops saying 429 is told to the caller in the end', async () => {
    const cluster = await connect();
    await cluster.version();
    server.script = (_request, response) =>
      status(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '0' });
    expect(await failure(cluster.get(reference))).toMatchObject({ status: 429, passing: true });
    expect(asked()).toHaveLength(5);
  });

  test('requests beyond the burst come at the agreed rate', async () => {
    server.script = ({ path: at }, response) => at === path && json(response, object);
    const cluster = await connect({ perSecond: 20, burst: 5 });
    await cluster.version();
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 12 }, () => cluster.get(reference)));
    // Three of the burst went to discovery, two are left: ten wait 50 ms each.
    expect(performance.now() - startedAt).toBeGreaterThan(400);
  });
});

describe('credentials', () => {
  test('after 401 they are loaded again, once', async () => {
    const cluster = await connect();
    server.script = ({ path: at, headers }, response) => {
      if (headers.authorization !== 'Bearer second-token') return status(response, 401, 'Unauthorized', 'no');
      return at === path && json(response, object);
    };
    const refused = await failure(cluster.get(reference));
    expect(refused).toMatchObject({ status: 401, reason: 'Unauthorized' });
    server.writeKubeconfig({ token: 'second-token' });
    expect((await cluster.get(reference))?.metadata.name).toBe('settings');
  });

  test('a cluster that was set up anew elsewhere is found by the rewritten kubeconfig', async () => {
    const cluster = await connect();
    await cluster.version();
    const moved = await startScriptedApiServer();
    moved.script = ({ path: at }, response) => at === path && json(response, object);
    const { kubeconfigPath } = server;
    await server.close();
    mkdirSync(dirname(kubeconfigPath));
    copyFileSync(moved.kubeconfigPath, kubeconfigPath);
    server = moved;
    // The first may still go to the old address.
    await cluster.get(reference).catch(() => undefined);
    expect((await cluster.get(reference))?.metadata.name).toBe('settings');
  });

  test('a plugin gives the token; what it prints is never told', async () => {
    const print = (text: string) => ({
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'echo', args: [text] },
    });
    server.writeKubeconfig(print(JSON.stringify({ status: { token: 'plugin-token' } })));
    const cluster = await connect();
    await cluster.version();
    expect(server.requests[0]?.headers.authorization).toBe('Bearer plugin-token');
    server.writeKubeconfig(print('{"status":{"token":"plugin-token"'));
    const error = await failure(connect());
    expect(error).toMatchObject({ status: 0, reason: 'AccessFailed' });
    expect(inspect(error, { depth: 9 })).not.toContain('plugin-token');
  });

  test('a kubeconfig that is missing is found at once', async () => {
    const options = { name: 'test', kubeconfigPath: '/nowhere/kubeconfig' } as const;
    const error = await failure(connectCluster(options));
    expect(error.message).toBe('The credentials of the cluster could not be loaded (ENOENT).');
    await expect(connectCluster({ name: 'test' })).rejects.toThrow(/either a kubeconfig/);
  });
});

describe('answers', () => {
  test('a Status object becomes an error with its reason; a page of a proxy does not reach anybody', async () => {
    const cluster = await connect();
    await cluster.version();
    server.script = (_request, response) => status(response, 403, 'Forbidden', 'you may not');
    expect(await failure(cluster.get(reference))).toMatchObject({
      status: 403,
      reason: 'Forbidden',
      message: 'you may not',
      passing: false,
    });
    server.script = (_request, response) => response.writeHead(502).end('<html>secret</html>') !== undefined;
    const error = await failure(cluster.get(reference));
    expect(error).toMatchObject({ status: 502, reason: '', passing: true });
    expect(error.message).not.toContain('secret');
  });

  test('an answer that is no JSON is not quoted', async () => {
    const cluster = await connect();
    await cluster.version();
    server.script = (_request, response) =>
      response.end('{"data":{"password":"hunter2-hunter2"') !== undefined;
    const error = await failure(cluster.get(reference));
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });

  test('an error about a Secret does not quote its values', async () => {
    const cluster = await connect();
    const data = Buffer.from('hunter2-hunter2').toString('base64');
    server.script = ({ method }, response) =>
      method === 'PATCH' && status(response, 422, 'Invalid', `bad: "${data}" and hunter2-hunter2`);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: object.metadata, data: { password: data } };
    const error = await failure(cluster.apply(secret));
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
    expect(error.message).toBe('bad: "[redacted]" and [redacted]');
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });

  test('a refused apply names the fields and no value, nor do its causes', async () => {
    const message =
      'Job.batch "init" is invalid: spec.template: Invalid value: {"value":"canary-1"}: field is immutable';
    const causes = [
      { field: 'spec.template', reason: 'FieldValueInvalid', message: 'Invalid value: {"value":"canary-1"}' },
    ];
    server.script = ({ method }, response) =>
      method === 'PATCH' &&
      json(
        response,
        {
          kind: 'Status',
          code: 422,
          reason: 'Invalid',
          message,
          details: { kind: 'Job', name: 'init', causes },
        },
        422,
      );
    const error = await failure((await connect()).apply(object));
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
    expect(error.message).toBe('Job init is refused at spec.template (FieldValueInvalid)');
    expect(inspect(error, { depth: 9 })).not.toContain('canary-1');
  });

  test('apply is a forced server-side apply of ours, keeps every field, and gives the warnings', async () => {
    const cluster = await connect();
    const odd = { ...object, data: { a: '1' }, fieldNobodyKnows: { x: [1, null] } };
    server.script = ({ method, body }, response) =>
      method === 'PATCH' &&
      json(response, JSON.parse(body), 200, {
        warning: ['299 - "would violate PodSecurity \\"restricted\\"", 299 - "second"', '299 - "third"'],
      });
    const { object: answer, warnings } = await cluster.apply(odd);
    expect(answer).toEqual(odd);
    expect(warnings).toEqual(['would violate PodSecurity "restricted"', 'second', 'third']);
    const sent = asked()[0];
    expect(sent).toMatchObject({ method: 'PATCH', path });
    expect(Object.fromEntries(sent?.query ?? [])).toEqual({ fieldManager: 'chandler', force: 'true' });
    expect(sent?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(sent?.headers['user-agent']).toMatch(/^chandler\/\d/);
    expect(sent?.headers.authorization).toBe('Bearer first-token');
  });

  test('an apply with fields that the kind does not have is refused for good, and the error names each', async () => {
    const message =
      'failed to create typed patch object (team/settings; v1, Kind=ConfigMap): errors:\n  .dat: field not declared in schema\n  .data.a: expected string, got 1';
    server.script = ({ method }, response) => method === 'PATCH' && status(response, 500, '', message);
    const error = await failure((await connect()).apply(object));
    expect(error).toMatchObject({ status: 422, passing: false });
    expect(error.message).toBe(
      'failed to create typed patch object (team/settings; v1, Kind=ConfigMap): .dat: field not declared in schema; .data.a: expected string, got 1',
    );
  });

  test('an apply under the uid of an object that was replaced is a conflict, as it is for one that is gone', async () => {
    const cluster = await connect();
    const text = 'ConfigMap "settings" is invalid: metadata.uid: Invalid value: "u": field is immutable';
    const late = { ...object, metadata: { ...object.metadata, uid: 'u' } };
    const causes = [{ field: 'metadata.uid', reason: 'FieldValueInvalid', message: 'Invalid value: "u"' }];
    for (const details of [{}, { details: { causes } }]) {
      server.script = ({ method }, response) =>
        method === 'PATCH' &&
        json(response, { code: 422, reason: 'Invalid', message: text, ...details }, 422);
      expect(await failure(cluster.apply(late))).toMatchObject({ status: 409, reason: 'Conflict' });
    }
  });

  test('a list is read page by page, and anew when its pages aged away', async () => {
    const cluster = await connect();
    let expired = false;
    server.script = ({ path: at, query }, response) => {
      if (at !== '/api/v1/configmaps') return false;
      expect(query.get('limit')).toBe('500');
      expect(query.get('labelSelector')).toBe('a=b');
      const page = query.get('continue');
      if (page === null) {
        const items = [{ metadata: { name: 'one' } }];
        return json(response, { metadata: { resourceVersion: '7', continue: 'p2' }, items });
      }
      if (!expired) {
        expired = true;
        return status(response, 410, 'Expired', 'too old');
      }
      return json(response, { metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'two' } }] });
    };
    const found = await cluster.list(configMapKind, { labelSelector: 'a=b' });
    expect(found.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ConfigMap', 'one'],
      ['ConfigMap', 'two'],
    ]);
    expect(asked()).toHaveLength(4);
  });

  test('an address of a Service is asked once in a while, not for every connection', async () => {
    const cluster = await connect();
    server.script = ({ path: at }, response) =>
      at === '/api/v1/namespaces/team/services/db' &&
      json(response, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'db' },
        spec: { clusterIP: '10.96.3.4' },
      });
    for (let count = 0; count < 5; count += 1) {
      const reached = await cluster.reach({ namespace: 'team', name: 'db', port: 5432 });
      expect(reached).toEqual({ host: '10.96.3.4', port: 5432 });
    }
    expect(asked()).toHaveLength(1);
  });
});
