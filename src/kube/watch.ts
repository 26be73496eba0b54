/**
 * The loop that keeps a listener in step with the objects of one kind.
 *
 *   list -> onSync -> follow from the version of the list -> (ended, idle, broken) -> follow from the last version seen
 *                        |
 *                        +-> version expired, error event, refused, listener failed -> list again
 *
 * The listener is called for one thing at a time and awaited, so a slow listener slows the stream and never overlaps
 * itself. Nothing but the stop function ends the loop.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../lib/backoff.ts';
import { KubeError, type KubeObject, type WatchListener } from './types.ts';

export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** One kind with one selector, as the loop needs it. */
export interface WatchSource {
  list(): Promise<{ objects: KubeObject[]; resourceVersion: string }>;
  /**
   * The events after a version. Ends when the server ends it or nothing came for a long time; throws when it breaks.
   * An `ERROR` event is thrown as KubeError with the code of its Status.
   */
  follow(resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent>;
}

export interface WatchTimes {
  initialBackoffMs: number;
  maximumBackoffMs: number;
  /** Delay while the cluster does not have the kind, for example a CRD that is installed later. */
  unknownKindMs: number;
  /** A stream that lived at least this long was no failure to connect. */
  healthyAfterMs: number;
}

const defaultTimes: WatchTimes = {
  initialBackoffMs: 200,
  maximumBackoffMs: 30_000,
  unknownKindMs: 30_000,
  healthyAfterMs: 5_000,
};

/** Starts the loop; gives the function that ends it. After that no listener call begins. */
export function startWatch(
  source: WatchSource,
  listener: WatchListener,
  times: Partial<WatchTimes> = {},
): () => void {
  const loop = new WatchLoop(source, listener, { ...defaultTimes, ...times });
  void loop.run();
  return () => loop.stop();
}

class WatchLoop {
  readonly #source: WatchSource;
  readonly #listener: WatchListener;
  readonly #times: WatchTimes;
  readonly #abort = new AbortController();
  /** Where to resume; undefined asks for a list. */
  #version: string | undefined;
  #failures = 0;
  #kindWasUnknown = false;

  constructor(source: WatchSource, listener: WatchListener, times: WatchTimes) {
    this.#source = source;
    this.#listener = listener;
    this.#times = times;
  }

  stop(): void {
    this.#abort.abort();
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const startedAt = performance.now();
      let delayMs = 0;
      try {
        await this.#listIfNeeded();
        await this.#follow();
        // A server that ends every stream at once must not be asked in a hot loop.
        if (performance.now() - startedAt < 1000) delayMs = this.#nextBackoff();
        else this.#failures = 0;
      } catch (cause) {
        if (this.#stopped) return;
        if (performance.now() - startedAt > this.#times.healthyAfterMs) this.#failures = 0;
        delayMs = this.#afterBreak(cause);
      }
      if (delayMs > 0) await this.#rest(delayMs);
    }
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #listIfNeeded(): Promise<void> {
    if (this.#version !== undefined) return;
    const { objects, resourceVersion } = await this.#source.list();
    if (this.#stopped) return;
    this.#kindWasUnknown = false;
    await this.#listener.onSync(objects);
    this.#version = resourceVersion;
  }

  async #follow(): Promise<void> {
    const from = this.#version;
    if (from === undefined || this.#stopped) return;
    for await (const event of this.#source.follow(from, this.#abort.signal)) {
      if (this.#stopped) return;
      if (event.type === 'BOOKMARK') {
        this.#version = event.resourceVersion;
        continue;
      }
      // A listener that fails has lost this change: only a new list makes it whole.
      const next = event.object.metadata.resourceVersion;
      this.#version = undefined;
      await this.#listener.onChange(event);
      this.#version = next;
      this.#failures = 0;
    }
  }

  /** Tells the listener, decides whether to list again, and gives the time to wait. */
  #afterBreak(cause: unknown): number {
    const unknownKind = cause instanceof KubeError && cause.reason === 'UnknownKind';
    // Refused for any reason but overload (410 Gone, 504 for a version the server never had): the version is no good.
    if (cause instanceof KubeError && cause.status !== 0 && cause.status !== 429) this.#version = undefined;
    if (!unknownKind || !this.#kindWasUnknown) this.#tell(cause);
    this.#kindWasUnknown = unknownKind;
    return unknownKind ? this.#times.unknownKindMs : this.#nextBackoff();
  }

  #tell(cause: unknown): void {
    try {
      this.#listener.onBreak(cause);
    } catch {
      // A listener that fails even here has no other ear; the loop goes on.
    }
  }

  #nextBackoff(): number {
    this.#failures += 1;
    return backoffMs(this.#failures, {
      initialMs: this.#times.initialBackoffMs,
      maximumMs: this.#times.maximumBackoffMs,
    });
  }

  async #rest(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#abort.signal }).catch(() => undefined);
  }
}
