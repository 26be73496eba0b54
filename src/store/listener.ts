/**
 * One connection of its own that listens for NOTIFY. It comes back by itself when it breaks, and then tells everybody,
 * since something may have been missed. Every few seconds it tells them anyway: behind a transaction-mode pooler, or
 * while the connection is down or half open, a notification never comes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { backoffMs } from '../lib/backoff.ts';
import { finishedChannel, wakeChannel } from './notifications.ts';

const slowPollMs = 5_000;
/** A half-open connection is noticed within the heartbeat and its time limit. */
const heartbeatMs = 15_000;
const heartbeatTimeoutMs = 5_000;
/** A server that no longer answers never confirms the goodbye. */
const goodbyeMs = 1_000;

export interface ListenerOptions {
  url: string;
  applicationName: string;
  slowPollMs?: number;
}

export interface FinishedWatch {
  /** Resolves when the operation may have finished, after `timeoutMs`, after the slow poll, or when the listener closes. */
  next(timeoutMs: number): Promise<void>;
  stop(): void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #slowPollMs: number;
  readonly #wakeCallbacks = new Set<() => void>();
  readonly #finishedCallbacks = new Map<string, Set<() => void>>();
  readonly #poll: NodeJS.Timeout;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#slowPollMs = options.slowPollMs ?? slowPollMs;
    this.#poll = setInterval(() => this.#callAll(this.#wakeCallbacks), this.#slowPollMs).unref();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Connects; a failure is retried in the background. Resolves after the first try. */
  async start(): Promise<void> {
    await this.#connect();
  }

  onWake(callback: () => void): () => void {
    // Wrapped, so that the same function may be given twice.
    const entry = () => callback();
    this.#wakeCallbacks.add(entry);
    return () => {
      this.#wakeCallbacks.delete(entry);
    };
  }

  /** From this call on no notification about the operation is missed, also between two calls of `next`. */
  watchFinished(operationUid: string): FinishedWatch {
    let notified = false;
    let wake: (() => void) | undefined;
    const entry = () => {
      notified = true;
      wake?.();
    };
    const entries = this.#finishedCallbacks.get(operationUid) ?? new Set();
    this.#finishedCallbacks.set(operationUid, entries.add(entry));
    return {
      next: async (timeoutMs) => {
        if (!notified && !this.#closed) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, Math.min(timeoutMs, this.#slowPollMs));
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        notified = false;
        wake = undefined;
      },
      stop: () => {
        entries.delete(entry);
        if (entries.size === 0) this.#finishedCallbacks.delete(operationUid);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    clearTimeout(this.#heartbeat);
    // Those who wait for an operation look a last time; workers need no wake any more.
    this.#wakeCallbacks.clear();
    this.#tellEverybody();
    const client = this.#client;
    this.#client = undefined;
    const goodbye = client?.end().catch(() => undefined);
    await Promise.race([goodbye, sleep(goodbyeMs, undefined, { ref: false })]);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      application_name: this.#options.applicationName,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    let over = false;
    const comeBack = () => {
      if (over) return;
      over = true;
      this.#reconnect(client);
    };
    client.on('error', comeBack);
    client.on('end', comeBack);
    client.on('notification', (message) => this.#deliver(message));
    try {
      await client.connect();
      await client.query(`listen ${wakeChannel}; listen ${finishedChannel}`);
    } catch {
      comeBack();
      return;
    }
    if (this.#closed) {
      await client.end().catch(() => undefined);
      return;
    }
    this.#client = client;
    this.#failures = 0;
    this.#beat(client);
    this.#tellEverybody();
  }

  #reconnect(client: pg.Client): void {
    clearTimeout(this.#heartbeat);
    this.#client = undefined;
    client.end().catch(() => undefined);
    if (this.#closed) return;
    this.#failures += 1;
    const delay = backoffMs(this.#failures, { initialMs: 100, maximumMs: 5_000 });
    this.#retry = setTimeout(() => void this.#connect(), delay).unref();
  }

  #beat(client: pg.Client): void {
    this.#heartbeat = setTimeout(() => {
      const timeout = setTimeout(
        () => client.emit('error', new Error('heartbeat')),
        heartbeatTimeoutMs,
      ).unref();
      client.query('select 1').then(
        () => {
          clearTimeout(timeout);
          if (this.#client === client) this.#beat(client);
        },
        () => clearTimeout(timeout),
      );
    }, heartbeatMs).unref();
  }

  #deliver(message: pg.Notification): void {
    if (message.channel === wakeChannel) this.#callAll(this.#wakeCallbacks);
    else if (message.payload !== undefined) this.#callAll(this.#finishedCallbacks.get(message.payload));
  }

  #tellEverybody(): void {
    this.#callAll(this.#wakeCallbacks);
    for (const callbacks of [...this.#finishedCallbacks.values()]) this.#callAll(callbacks);
  }

  #callAll(callbacks: Iterable<() => void> = []): void {
    for (const callback of [...callbacks]) callback();
  }
}
