/** The real API server behind an HTTP proxy that can misbehave in every way that an API server or a network does. */
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { type Held, newHeld } from '../../support/black-hole.ts';

export type ApiMode =
  | 'pass'
  /** The port is closed. */
  | 'refuse'
  /** Requests are taken and never answered; answers under way stand still. */
  | 'hang'
  /** 429 with Retry-After: 1. */
  | 'throttle'
  /** Each request waits two seconds first. */
  | 'slow'
  /** Every two seconds all watches end, half of them in the middle of a chunk. */
  | 'cut watches'
  /** Open connections and new ones swallow everything, for ever: restoring helps only those made later. */
  | 'half open';

/** How busy the clients were for a while. */
export interface ApiCount {
  requests: number;
  perSecond: number;
  /** Of the busiest second. */
  mostInOneSecond: number;
}

interface Arrival {
  at: number;
  method: string;
  path: string;
}

const slowMs = 2_000;
const cutEveryMs = 2_000;

/** An exchange whose answer is on its way. */
interface Flow {
  socket: Socket;
  answer: ServerResponse;
  isWatch: boolean;
  /** The next chunk is cut in half, and the connection with it. */
  cutNext: boolean;
}

export class ApiProxy {
  /** For CHANDLER_KUBECONFIG: plain HTTP to this proxy, without credentials. */
  readonly kubeconfigPath: string;
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #dead = new WeakSet<Socket>();
  readonly #flows = new Set<Flow>();
  readonly #held = new Set<() => void>();
  readonly #cutter: NodeJS.Timeout;
  #server: Server | undefined;
  #mode: ApiMode = 'pass';
  readonly #arrivals: Arrival[] = [];
  #next: { request: RegExp; held: ReturnType<typeof newHeld> } | undefined;

  /** @param kubeconfigPath of the admin, whose certificate the proxy uses for everybody */
  static async start(kubeconfigPath: string): Promise<ApiProxy> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfigPath);
    const options: AgentOptions = { keepAlive: true, maxSockets: 256 };
    await config.applyToHTTPSOptions(options);
    const proxyServer = createServer();
    const port = await listening(proxyServer, 0);
    proxyServer.close();
    const path = join(tmpdir(), `chandler-chaos-${process.pid}-${port}.kubeconfig`);
    await writeFile(path, plainKubeconfig(port), { mode: 0o600 });
    const proxy = new ApiProxy(
      path,
      new URL(config.getCurrentCluster()?.server ?? ''),
      new Agent(options),
      port,
    );
    await proxy.#open();
    return proxy;
  }

  private constructor(kubeconfigPath: string, upstream: URL, agent: Agent, port: number) {
    this.kubeconfigPath = kubeconfigPath;
    this.#upstream = upstream;
    this.#agent = agent;
    this.#port = port;
    this.#cutter = setInterval(() => this.#cutWatches(), cutEveryMs);
  }

  async switchTo(mode: ApiMode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode === 'refuse') await this.#shut();
    else if (before === 'refuse') await this.#open();
    if (mode === 'half open') for (const socket of this.#sockets) this.#dead.add(socket);
    for (const resume of [...this.#held]) resume();
  }

  /** Requests that arrived since then, whatever became of them; `since` as `performance.now()` tells time. */
  countSince(since: number): ApiCount {
    const arrivals = this.#arrivals.filter(({ at }) => at >= since);
    const bySecond = Map.groupBy(arrivals, ({ at }) => Math.floor((at - since) / 1000));
    return {
      requests: arrivals.length,
      perSecond: (arrivals.length * 1000) / Math.max(1, performance.now() - since),
      mostInOneSecond: Math.max(0, ...[...bySecond.values()].map((same) => same.length)),
    };
  }

  /** `METHOD path` of the requests since then that were meant to change something. */
  changesSince(since: number): string[] {
    return this.#arrivals
      .filter(({ at, method }) => at >= since && method !== 'GET')
      .map(({ method, path }) => `${method} ${path.split('?')[0]}`);
  }

  /** The next request whose `METHOD path` fits waits here until it is let go; it arrives even if its sender is gone. */
  holdNext(request: RegExp): Held {
    const held = newHeld();
    this.#next = { request, held };
    return held;
  }

  async close(): Promise<void> {
    clearInterval(this.#cutter);
    await this.#shut();
    this.#agent.destroy();
    await rm(this.kubeconfigPath, { force: true });
  }

  async #open(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      void this.#take(request, response);
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      if (this.#mode === 'half open') this.#dead.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await listening(server, this.#port);
    this.#server = server;
  }

  async #shut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket, method = '', url: path = '' } = request;
    this.#arrivals.push({ at: performance.now(), method, path });
    if (this.#dead.has(socket)) return;
    if (this.#next?.request.test(`${method} ${path}`) === true) {
      const { held } = this.#next;
      this.#next = undefined;
      held.arrive();
      await held.gone;
    }
    if (this.#mode === 'throttle') {
      request.resume();
      response.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message: 'slow down', code: 429 }),
      );
      return;
    }
    if (this.#mode === 'slow') await sleep(slowMs);
    // What hung when the server came back is not answered late: its sender gave up, or has yet to find out.
    if (this.#mode === 'hang') return;
    this.#pass(request, response);
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const flow: Flow = {
      socket: request.socket,
      answer: response,
      isWatch: /[?&]watch=(1|true)/.test(request.url ?? ''),
      cutNext: false,
    };
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const upstream = httpsRequest(
      {
        agent: this.#agent,
        host: this.#upstream.hostname,
        port: this.#upstream.port,
        method: request.method,
        path: request.url,
        headers,
      },
      (answer) => this.#answer(flow, upstream, answer),
    );
    upstream.on('error', () => flow.socket.destroy());
    response.on('close', () => {
      this.#flows.delete(flow);
      upstream.destroy();
    });
    this.#flows.add(flow);
    request.pipe(upstream);
  }

  #answer(flow: Flow, upstream: ClientRequest, answer: IncomingMessage): void {
    const write = (send: () => void): void => {
      if (this.#dead.has(flow.socket)) return;
      if (this.#mode !== 'hang') {
        send();
        return;
      }
      answer.pause();
      const resume = () => {
        this.#held.delete(resume);
        write(send);
        answer.resume();
      };
      this.#held.add(resume);
      flow.answer.on('close', () => this.#held.delete(resume));
    };
    const { connection: _connection, 'transfer-encoding': _encoding, ...headers } = answer.headers;
    write(() => {
      flow.answer.writeHead(answer.statusCode ?? 502, headers);
      flow.answer.flushHeaders();
    });
    answer.on('data', (chunk: Buffer) => write(() => this.#forward(flow, chunk)));
    answer.on('end', () => write(() => flow.answer.end()));
    answer.on('error', () => flow.socket.destroy());
    upstream.on('close', () => {
      if (!answer.complete && !this.#dead.has(flow.socket)) flow.socket.destroy();
    });
  }

  #forward(flow: Flow, chunk: Buffer): void {
    if (!flow.cutNext) {
      flow.answer.write(chunk);
      return;
    }
    flow.answer.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => flow.socket.destroy());
  }

  /** Every other watch at once, the rest when their next event is half sent. */
  #cutWatches(): void {
    if (this.#mode !== 'cut watches') return;
    let index = 0;
    for (const flow of this.#flows) {
      if (!flow.isWatch) continue;
      index += 1;
      if (flow.cutNext || index % 2 === 0) flow.socket.destroy();
      else flow.cutNext = true;
    }
  }
}

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function plainKubeconfig(port: number): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'proxy', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'nobody' } }],
    'current-context': 'proxy',
  });
}
