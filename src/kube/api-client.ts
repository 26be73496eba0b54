/** HTTP towards one API server: pooled connections, timeouts, politeness, and one error class for all that goes wrong. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import type { JsonValue } from '../lib/json.ts';
import type { AccessSource, ClusterAccess } from './cluster-access.ts';
import { numberAt, textAt } from './json-at.ts';
import { refusedFields } from './refused-fields.ts';
import { TokenBucket } from './token-bucket.ts';
import { KubeError, type KubeObject } from './types.ts';

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path below the server's URL; every segment checked and encoded by the caller. */
  path: string;
  query?: Record<string, string>;
  body?: KubeObject | JsonValue;
  contentType?: string;
  accept?: string;
}

export interface ApiAnswer {
  headers: IncomingHttpHeaders;
  body: JsonValue;
}

export interface ApiClientOptions {
  /** Connections for ordinary requests; watches have their own. */
  connections?: number;
  requestTimeoutMs?: number;
  perSecond?: number;
  burst?: number;
  /** After this long without any answer, watches that were open before are made anew. */
  silenceMs?: number;
}

interface Connections {
  fingerprint: string;
  ordinary: Pool;
  watches: Pool;
  newWatches: () => Pool;
}

const timeouts = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'];

const maximumAttempts = 5;
const longestRetryAfterSeconds = 30;

export class ApiClient {
  readonly #cluster: string;
  readonly #source: AccessSource;
  readonly #options: Required<ApiClientOptions>;
  readonly #bucket: TokenBucket;
  #connections: Connections | undefined;
  /** When the first of the requests was sent that nobody has answered since. */
  #silentSince: number | undefined;
  #closed = false;

  constructor(cluster: string, source: AccessSource, options: ApiClientOptions = {}) {
    this.#cluster = cluster;
    this.#source = source;
    this.#options = {
      ...{ connections: 16, requestTimeoutMs: 30_000, perSecond: 50, burst: 100, silenceMs: 10_000 },
      ...options,
    };
    this.#bucket = new TokenBucket(this.#options);
  }

  /**
   * One request, its answer parsed. Waits for the token bucket, waits out 429, loads credentials anew after 401, and
   * repeats once what broke on a stale connection if repeating does no harm.
   * @throws KubeError for every answer but 2xx, and with status 0 for none
   */
  async send(request: ApiRequest): Promise<ApiAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#bucket.take();
      try {
        return await this.#exchange(request, this.#options.requestTimeoutMs);
      } catch (thrown) {
        const error = this.#toKubeError(thrown);
        if (attempt >= maximumAttempts || !(await this.#mayRepeat(error, request, attempt))) throw error;
      }
    }
  }

  /** One GET without politeness and repetition, for health checks: whether it is answered with 2xx in time. */
  async probe(path: string, timeoutMs: number): Promise<boolean> {
    const answered = this.#exchange({ method: 'GET', path, accept: '*/*' }, timeoutMs).then(
      () => true,
      () => false,
    );
    return Promise.race([answered, sleep(timeoutMs, false, { ref: false })]);
  }

  /**
   * The open body of a watch, on a connection of its own.
   * @param idleMs how long no byte may come before the connection counts as dead
   */
  async stream(request: ApiRequest, idleMs: number, signal: AbortSignal): Promise<Readable> {
    await this.#bucket.take();
    try {
      const { access, connections } = await this.#connect();
      const answer = await connections.watches.request({
        ...wire(request, access),
        headersTimeout: this.#options.requestTimeoutMs,
        bodyTimeout: idleMs,
        signal,
      });
      if (answer.statusCode === 200) return answer.body;
      throw failure(answer.statusCode, answer.headers, await answer.body.text());
    } catch (thrown) {
      const error = this.#toKubeError(thrown);
      if (error.status === 401) this.#source.renew();
      if (error instanceof ThrottledError) this.#bucket.pause(error.retryAfterMs);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connections = this.#connections;
    if (connections === undefined) return;
    await Promise.all([connections.ordinary.destroy(), connections.watches.destroy()]);
  }

  async #exchange(request: ApiRequest, timeoutMs: number): Promise<ApiAnswer> {
    const { access, connections } = await this.#connect();
    const sentAt = performance.now();
    let answer: Awaited<ReturnType<Pool['request']>>;
    let text: string;
    try {
      answer = await connections.ordinary.request({
        ...wire(request, access),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      text = await answer.body.text();
    } catch (thrown) {
      if (timeouts.includes(codeOf(thrown))) this.#silentSince ??= sentAt;
      throw thrown;
    }
    this.#endSilence();
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      throw failure(answer.statusCode, answer.headers, text);
    }
    return { headers: answer.headers, body: request.accept === '*/*' ? text : parseJson(text) };
  }

  /**
   * Whatever swallowed our requests swallowed what the watches were to hear as well, on connections that look alive: by
   * themselves they would wait for minutes.
   */
  #endSilence(): void {
    const since = this.#silentSince;
    this.#silentSince = undefined;
    const connections = this.#connections;
    if (since === undefined || connections === undefined) return;
    if (performance.now() - since < this.#options.silenceMs) return;
    const deaf = connections.watches;
    connections.watches = connections.newWatches();
    void deaf.destroy().catch(() => undefined);
  }

  async #connect(): Promise<{ access: ClusterAccess; connections: Connections }> {
    const access = await this.#source.current();
    if (this.#closed)
      throw new KubeError(0, 'Closed', `The connection to cluster ${this.#cluster} was closed.`);
    if (this.#connections?.fingerprint !== access.fingerprint) {
      const outdated = this.#connections;
      this.#connections = this.#open(access);
      // What runs on the old connections may finish; an error while closing them concerns nobody.
      void Promise.allSettled([outdated?.ordinary.close(), outdated?.watches.close()]);
    }
    return { access, connections: this.#connections };
  }

  #open(access: ClusterAccess): Connections {
    const common = {
      // One request per connection, so that a slow list does not hold up others behind one TCP window.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      connect: { ...access.tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 },
    };
    const newWatches = () => new Pool(access.server.origin, common);
    return {
      fingerprint: access.fingerprint,
      ordinary: new Pool(access.server.origin, { ...common, connections: this.#options.connections }),
      watches: newWatches(),
      newWatches,
    };
  }

  async #mayRepeat(error: KubeError, request: ApiRequest, attempt: number): Promise<boolean> {
    if (error.status === 429) {
      const waitMs = error instanceof ThrottledError ? error.retryAfterMs : 1000;
      this.#bucket.pause(waitMs);
      await sleep(waitMs);
      return true;
    }
    if (attempt > 1) return false;
    if (error.status === 401) {
      this.#source.renew();
      return true;
    }
    // A POST may have been carried out before the connection broke.
    return error.reason === 'ConnectionLost' && request.method !== 'POST';
  }

  #toKubeError(thrown: unknown): KubeError {
    if (thrown instanceof KubeError) return thrown;
    this.#source.recheck();
    const code = codeOf(thrown);
    const lost = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code);
    const text = `The API server of cluster ${this.#cluster} does not answer (${code}).`;
    return new KubeError(0, lost ? 'ConnectionLost' : 'NoAnswer', text, thrown);
  }
}

class ThrottledError extends KubeError {
  readonly retryAfterMs: number;
  constructor(reason: string, message: string, retryAfterMs: number) {
    super(429, reason, message);
    this.retryAfterMs = retryAfterMs;
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
}

function wire(request: ApiRequest, access: ClusterAccess) {
  const query = new URLSearchParams(request.query ?? {}).toString();
  const prefix = access.server.pathname.replace(/\/$/, '');
  return {
    method: request.method,
    path: `${prefix}${request.path}${query === '' ? '' : `?${query}`}`,
    headers: {
      ...access.headers,
      'user-agent': `chandler/${packageJson.version}`,
      accept: request.accept ?? 'application/json',
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    },
    body: request.body === undefined ? null : JSON.stringify(request.body),
  };
}

/** JSON text, parsed. The parser's own error is dropped because it quotes the text, which may hold a Secret. */
export function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new KubeError(0, 'MalformedAnswer', 'The API server sent something that is not JSON.');
  }
}

function failure(status: number, headers: IncomingHttpHeaders, text: string): KubeError {
  let body: JsonValue = null;
  try {
    body = parseJson(text);
  } catch {
    // A proxy in between answers in HTML or plain text; the status says enough.
  }
  const reason = textAt(body, 'reason') ?? '';
  const message =
    (status === 422 ? refusedFields(body) : undefined) ??
    textAt(body, 'message') ??
    `The API server answered ${status} without saying why.`;
  if (status !== 429) return new KubeError(status, reason, message);
  const seconds = Number(headers['retry-after'] ?? numberAt(body, 'details', 'retryAfterSeconds') ?? 1);
  const bounded = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0.1), longestRetryAfterSeconds) : 1;
  return new ThrottledError(reason, message, bounded * 1000);
}
