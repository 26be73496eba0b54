import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectCluster } from './connect-cluster.ts';
import { json, type ScriptedApiServer, startScriptedApiServer, status } from './scripted-api-server.ts';
import { type Cluster, KubeError, type KubeObject } from './types.ts';

let server: ScriptedApiServer;
let cluster: Cluster;
let log: string[];
/** The open answers of watch requests, oldest first. */
let streams: ServerResponse[];
let listed: string[];

const kind = { apiVersion: 'v1', kind: 'ConfigMap' };

beforeEach(async () => {
  server = await startScriptedApiServer();
  const watch = { initialBackoffMs: 10, maximumBackoffMs: 50, unknownKindMs: 100 };
  cluster = await connectCluster({
    name: 'test',
    kubeconfigPath: server.kubeconfigPath,
    watch,
  });
  log = [];
  streams = [];
  listed = ['one'];
  server.script = ({ path, query }, response) => {
    if (path !== '/api/v1/configmaps') return false;
    if (!query.has('watch')) {
      const items = listed.map((name) => ({ metadata: { name, resourceVersion: '5' } }));
      return json(response, { metadata: { resourceVersion: '10' }, items });
    }
    response.writeHead(200).flushHeaders();
    streams.push(response);
    return true;
  };
});
afterEach(async () => {
  await cluster.close();
  await server.close();
});

function watch(options = { labelSelector: 'a=b', metadataOnly: false }, slowMs = 0): () => void {
  return cluster.watch(kind, options, {
    onSync: (objects) => void log.push(`sync ${objects.map(({ metadata }) => metadata.name).join()}`),
    onChange: async ({ type, object }) => {
      log.push(`${type} ${object.metadata.name}`);
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
      if (slowMs > 0) log.push(`done ${object.metadata.name}`);
    },
    onBreak: (cause) => void log.push(`break ${cause instanceof KubeError ? cause.reason : 'stream'}`),
  });
}

function event(type: string, name: string, resourceVersion: string): string {
  return `${JSON.stringify({ type, object: { ...kind, metadata: { name, resourceVersion } } })}\n`;
}

function requests(which: 'list' | 'watch') {
  return server.requests.filter(
    ({ path, query }) => path.endsWith('/configmaps') && query.has('watch') === (which === 'watch'),
  );
}

describe('a watch', () => {
  test('follows from the version of its list, asks for bookmarks, and lets the server end it in time', async () => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    const query = Object.fromEntries(requests('watch')[0]?.query ?? []);
    expect(query).toMatchObject({ labelSelector: 'a=b', resourceVersion: '10', allowWatchBookmarks: 'true' });
    expect(Number(query.timeoutSeconds)).toBeGreaterThanOrEqual(300);
    expect(Number(query.timeoutSeconds)).toBeLessThanOrEqual(600);
  });

  test('understands events whose lines and characters are cut anywhere', async () => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    const bytes = Buffer.from(event('ADDED', 'größe-日本', '11') + event('MODIFIED', 'größe-日本', '12'));
    for (let at = 0; at < bytes.length; at += 7) {
      streams[0]?.write(bytes.subarray(at, at + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => log).toEqual(['sync one', 'ADDED größe-日本', 'MODIFIED größe-日本']);
  });

  test('resumes after a broken connection where it was, without a new list', async () => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    streams[0]?.write(event('ADDED', 'two', '11'));
    await expect.poll(() => log).toEqual(['sync one', 'ADDED two']);
    server.breakConnections();
    await expect.poll(() => streams.length).toBe(2);
    expect(requests('watch')[1]?.query.get('resourceVersion')).toBe('11');
    streams[1]?.write(event('DELETED', 'two', '12'));
    await expect.poll(() => log).toEqual(['sync one', 'ADDED two', 'break stream', 'DELETED two']);
    expect(requests('list')).toHaveLength(1);
  });

  test('resumes from the last bookmark, in silence when the server ended the stream', async () => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    streams[0]?.write(event('BOOKMARK', '', '99'));
    streams[0]?.end();
    await expect.poll(() => streams.length).toBe(2);
    expect(requests('watch')[1]?.query.get('resourceVersion')).toBe('99');
    expect(log).toEqual(['sync one']);
  });

  test.each([
    ['an ERROR event 410', (stream: ServerResponse) => stream.write(errorEvent(410, 'Expired'))],
    ['an ERROR event 500', (stream: ServerResponse) => stream.write(errorEvent(500, 'InternalError'))],
  ])('lists again after %s', async (_name, breakIt) => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    listed = ['one', 'two'];
    breakIt(streams[0] as ServerResponse);
    await expect.poll(() => streams.length).toBe(2);
    expect(log).toEqual(['sync one', expect.stringMatching(/^break /), 'sync one,two']);
  });

  test('lists again when its version is refused', async () => {
    const answer = server.script;
    let refused = 0;
    server.script = (request, response) => {
      if (!request.query.has('watch') || refused > 0) return answer(request, response);
      refused += 1;
      return status(response, 410, 'Gone', 'too old');
    };
    watch();
    await expect.poll(() => log).toEqual(['sync one', 'break Gone', 'sync one']);
  });

  test('comes back as late as an overloaded server asks for', async () => {
    const answer = server.script;
    let refusedAt = 0;
    server.script = (request, response) => {
      if (!request.query.has('watch') || refusedAt > 0) return answer(request, response);
      refusedAt = performance.now();
      return status(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '1' });
    };
    watch();
    await expect.poll(() => streams.length, { timeout: 5000 }).toBe(1);
    expect(performance.now() - refusedAt).toBeGreaterThan(950);
    expect(log).toEqual(['sync one', 'break TooManyRequests']);
  });

  test('outlives an API server that is away', async () => {
    watch();
    await expect.poll(() => streams.length).toBe(1);
    const answer = server.script;
    server.script = (_request, response) => response.destroy() !== undefined;
    server.breakConnections();
    await expect.poll(() => log.length).toBeGreaterThan(3);
    server.script = answer;
    await expect.poll(() => streams.length).toBe(2);
    streams[1]?.write(event('ADDED', 'two', '11'));
    await expect.poll(() => log.at(-1)).toBe('ADDED two');
    expect(log.filter((line) => line.startsWith('sync'))).toEqual(['sync one']);
  });

  test('does not run hot against a server that ends every stream at once', async () => {
    const answer = server.script;
    server.script = (request, response) =>
      request.query.has('watch') ? response.writeHead(200).end() !== undefined : answer(request, response);
    watch();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const count = requests('watch').length;
    expect(count).toBeGreaterThan(3);
    // With delays that grow to 50 ms at most.
    expect(count).toBeLessThan(60);
  });

  test('gives a slow listener one change at a time and loses none', async () => {
    watch({ labelSelector: '', metadataOnly: false }, 20);
    await expect.poll(() => streams.length).toBe(1);
    streams[0]?.write(event('ADDED', 'a', '11') + event('ADDED', 'b', '12') + event('DELETED', 'a', '13'));
    await expect
      .poll(() => log)
      .toEqual(['sync one', 'ADDED a', 'done a', 'ADDED b', 'done b', 'DELETED a', 'done a']);
  });

  test('asks for metadata alone where it was told to', async () => {
    watch({ labelSelector: '', metadataOnly: true });
    await expect.poll(() => streams.length).toBe(1);
    const accepts = [...requests('list'), ...requests('watch')].map(({ headers }) => headers.accept);
    expect(accepts).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  test('gives objects of the kind that was asked for, whatever form the server sends them in', async () => {
    const kinds: string[] = [];
    const note = (object: KubeObject) => void kinds.push(`${object.apiVersion} ${object.kind}`);
    const options = { labelSelector: '', metadataOnly: true };
    cluster.watch(kind, options, {
      onSync: (objects) => objects.forEach(note),
      onChange: ({ object }) => note(object),
      onBreak() {},
    });
    await expect.poll(() => streams.length).toBe(1);
    const metadata = { name: 'two', resourceVersion: '11' };
    const partial = { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata };
    streams[0]?.write(`${JSON.stringify({ type: 'ADDED', object: partial })}\n`);
    await expect.poll(() => kinds).toEqual(['v1 ConfigMap', 'v1 ConfigMap']);
  });

  test('begins once its kind is installed', { timeout: 15_000 }, async () => {
    const unicorn = { apiVersion: 'chandler.dev/v1', kind: 'Unicorn' };
    const quiet = { onChange() {}, onBreak: () => void log.push('break') };
    const options = { labelSelector: '', metadataOnly: false };
    cluster.watch(unicorn, options, {
      ...quiet,
      onSync: (objects) => void log.push(`sync ${objects.length}`),
    });
    await expect.poll(() => log).toEqual(['break']);
    const answer = server.script;
    server.script = ({ path, query, ...rest }, response) => {
      if (path === '/apis') {
        const resources = [{ resource: 'unicorns', responseKind: { kind: 'Unicorn' }, scope: 'Namespaced' }];
        const items = [{ metadata: { name: 'chandler.dev' }, versions: [{ version: 'v1', resources }] }];
        return json(response, { kind: 'APIGroupDiscoveryList', items });
      }
      const items = [{ metadata: { name: 'a' } }];
      if (path === '/apis/chandler.dev/v1/unicorns' && !query.has('watch')) {
        return json(response, { metadata: { resourceVersion: '1' }, items });
      }
      return answer({ path, query, ...rest }, response);
    };
    await expect.poll(() => log, { timeout: 10_000 }).toContain('sync 1');
    expect(log.slice(0, 2)).toEqual(['break', 'sync 1']);
  });

  test('ends with its stop: the connection goes, nothing is asked or told any more', async () => {
    const stop = watch();
    await expect.poll(() => streams.length).toBe(1);
    stop();
    await expect.poll(() => streams[0]?.destroyed).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(log).toEqual(['sync one']);
    expect(requests('watch')).toHaveLength(1);
  });

  test('ends with its cluster, even while it waits to try again', async () => {
    server.script = (_request, response) => status(response, 500, 'InternalError', 'no');
    watch();
    await expect.poll(() => log.length).toBeGreaterThan(0);
    await cluster.close();
    const { length } = server.requests;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.requests).toHaveLength(length);
  });
});

function errorEvent(code: number, reason: string): string {
  return `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason, message: 'broken' } })}\n`;
}
