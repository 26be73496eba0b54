/** An HTTP server that plays an API server line by line, for what no real one does on demand. For tests alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface ScriptedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Answers a request; `false` leaves it to the next one, and at last to a Status 404. */
export type Script = (request: ScriptedRequest, response: ServerResponse) => boolean | Promise<boolean>;

export interface ScriptedApiServer {
  url: string;
  kubeconfigPath: string;
  requests: ScriptedRequest[];
  /** TCP connections made so far. */
  connections: number;
  script: Script;
  writeKubeconfig(user: object): void;
  /** Ends every open connection, as a load balancer or a restart does. */
  breakConnections(): void;
  close(): Promise<void>;
}

export const served: [group: string, version: string, kind: string, plural: string, scope: string][] = [
  ['', 'v1', 'ConfigMap', 'configmaps', 'Namespaced'],
  ['', 'v1', 'Secret', 'secrets', 'Namespaced'],
  ['', 'v1', 'Service', 'services', 'Namespaced'],
  ['', 'v1', 'Namespace', 'namespaces', 'Cluster'],
  ['apps', 'v1', 'Deployment', 'deployments', 'Namespaced'],
];

export function json(response: ServerResponse, body: object, status = 200, headers = {}): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return true;
}

export function status(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers = {},
): true {
  return json(response, { kind: 'Status', apiVersion: 'v1', code, reason, message }, code, headers);
}

/** Aggregated discovery of the kinds above, as Kubernetes 1.30 and newer give it. */
const discovery: Script = ({ path }, response) => {
  if (path === '/version') return json(response, { gitVersion: 'v1.34.4' });
  if (path !== '/api' && path !== '/apis') return false;
  const items = served
    .filter(([group]) => (group === '') === (path === '/api'))
    .map(([group, version, kind, resource, scope]) => ({
      metadata: { name: group },
      versions: [{ version, resources: [{ resource, responseKind: { kind }, scope }] }],
    }));
  return json(response, { kind: 'APIGroupDiscoveryList', items });
};

export async function startScriptedApiServer(): Promise<ScriptedApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'chandler-kube-'));
  const server = createServer((incoming, response) => void answer(incoming, response));
  const scripted: ScriptedApiServer = {
    url: '',
    kubeconfigPath: join(folder, 'kubeconfig'),
    requests: [],
    connections: 0,
    script: () => false,
    writeKubeconfig(user) {
      const cluster = { server: scripted.url, 'insecure-skip-tls-verify': true };
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'scripted', cluster }],
        users: [{ name: 'tester', user }],
        contexts: [{ name: 'main', context: { cluster: 'scripted', user: 'tester' } }],
        'current-context': 'main',
      };
      writeFileSync(scripted.kubeconfigPath, JSON.stringify(config));
    },
    breakConnections: () => server.closeAllConnections(),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      rmSync(folder, { recursive: true });
    },
  };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://scripted');
    const request: ScriptedRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: await text(incoming).catch(() => ''),
    };
    scripted.requests.push(request);
    const answered = (await scripted.script(request, response)) || (await discovery(request, response));
    if (!answered) status(response, 404, 'NotFound', 'not found');
  }

  server.on('connection', () => {
    scripted.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  scripted.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  scripted.writeKubeconfig({ token: 'first-token' });
  return scripted;
}
