import { selectorOf } from './fake-selector.ts';
import type { KindReference, KubeObject, WatchListener, WatchOptions } from './types.ts';
import { startWatch, type WatchEvent, type WatchTimes } from './watch.ts';

interface Change {
  version: number;
  kind: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
  before?: KubeObject | undefined;
}

/** The events of the fake cluster, kept in order; the watch loop on top is the real one. */
export class FakeWatches {
  readonly #changes: Change[] = [];
  #wake = Promise.withResolvers<void>();
  #broken: { times: number; cause: unknown } = { times: 0, cause: undefined };

  record(change: Change): void {
    this.#changes.push(change);
    this.#awaken();
  }

  /** Every open stream throws this, as when connections break. */
  breakAll(cause: unknown): void {
    this.#broken = { times: this.#broken.times + 1, cause };
    this.#awaken();
  }

  start(
    kind: KindReference,
    options: WatchOptions,
    listener: WatchListener,
    list: () => Promise<{ objects: KubeObject[]; resourceVersion: string }>,
    times: Partial<WatchTimes>,
  ): () => void {
    const follow = (version: string, signal: AbortSignal) =>
      this.#follow(kind, options, Number(version), signal);
    const source = { list: async () => viewOfList(await list(), options), follow };
    return startWatch(source, listener, times);
  }

  async *#follow(
    kind: KindReference,
    options: WatchOptions,
    version: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const key = `${kind.apiVersion}/${kind.kind}`;
    let position = this.#changes.findIndex((change) => change.version > version);
    if (position < 0) position = this.#changes.length;
    const brokenBefore = this.#broken.times;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      if (this.#broken.times > brokenBefore) throw this.#broken.cause;
      for (let change = this.#changes[position]; change !== undefined; change = this.#changes[position]) {
        position += 1;
        const type = change.kind === key ? eventType(change, options.labelSelector) : undefined;
        if (type !== undefined) yield { type, object: view(change.object, options) };
      }
      await Promise.race([this.#wake.promise, aborted]);
    }
  }

  #awaken(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    resolve();
  }
}

/** An object that begins or ceases to fit the selector is added or deleted for this watcher. */
function eventType(change: Change, selector: string): Change['type'] | undefined {
  const matches = selectorOf(selector);
  const fits = matches(change.object);
  const fitted = change.before !== undefined && matches(change.before);
  if (change.type === 'DELETED') return fits || fitted ? 'DELETED' : undefined;
  if (fits) return fitted ? 'MODIFIED' : 'ADDED';
  return fitted ? 'DELETED' : undefined;
}

function viewOfList(listed: { objects: KubeObject[]; resourceVersion: string }, options: WatchOptions) {
  return { ...listed, objects: listed.objects.map((object) => view(object, options)) };
}

function view(object: KubeObject, options: WatchOptions): KubeObject {
  const { apiVersion, kind, metadata } = object;
  return structuredClone(options.metadataOnly ? { apiVersion, kind, metadata } : object);
}
