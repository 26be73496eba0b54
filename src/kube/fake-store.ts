/** The objects of the fake cluster: versions, generations, deletion and the events of each change. */
import { randomUUID } from 'node:crypto';
import { apiGroupOf } from '../lib/api-group.ts';
import type { JsonObject } from '../lib/json.ts';
import { hasFinalizers, readyStatus, withDefaults, withStringData } from './fake-objects.ts';
import { FakeWatches } from './fake-watches.ts';
import { asJson } from './json-at.ts';
import type { KindReference, KubeObject, ObjectMetadata, ObjectReference } from './types.ts';

export interface Stored {
  object: KubeObject;
  /** What our field manager applied last. */
  applied?: JsonObject;
}

export interface FakeStoreTimes {
  autoReadyMs: number | undefined;
  namespaceDeletionMs: number;
}

export class FakeStore {
  readonly objects = new Map<string, Stored>();
  readonly watches = new FakeWatches();
  /** Version of the last change. */
  serial = 0;
  readonly #times: FakeStoreTimes;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(times: FakeStoreTimes) {
    this.#times = times;
  }

  find(reference: ObjectReference): Stored | undefined {
    return this.objects.get(objectKey(reference));
  }

  insert(object: KubeObject, applied?: JsonObject): KubeObject {
    this.serial += 1;
    const metadata: ObjectMetadata = {
      ...object.metadata,
      uid: randomUUID(),
      resourceVersion: String(this.serial),
      creationTimestamp: new Date().toISOString(),
      ...('spec' in object ? { generation: 1 } : {}),
    };
    const made = withDefaults(withStringData(asJson(structuredClone({ ...object, metadata }))), this.serial);
    const key = objectKey(referenceOf(object));
    const stored: Stored = { object: made as KubeObject, ...(applied === undefined ? {} : { applied }) };
    this.objects.set(key, stored);
    this.#record('ADDED', stored.object);
    this.#planReady(key);
    return stored.object;
  }

  /** Writes a new state of an object, unless it is the old one. */
  replace(key: string, stored: Stored, next: KubeObject): void {
    const before = this.objects.get(key)?.object;
    if (JSON.stringify(before) === JSON.stringify(next)) {
      this.objects.set(key, stored);
      return;
    }
    this.serial += 1;
    const specChanged = JSON.stringify(before?.spec) !== JSON.stringify(next.spec);
    const generation = (before?.metadata.generation ?? 0) + (specChanged ? 1 : 0);
    const object = {
      ...next,
      metadata: {
        ...next.metadata,
        resourceVersion: String(this.serial),
        ...(generation === 0 ? {} : { generation }),
      },
    };
    this.objects.set(key, { ...stored, object });
    this.#record('MODIFIED', object, before);
    if (object.metadata.deletionTimestamp !== undefined && !hasFinalizers(object))
      this.#removeUnlessHeld(key);
    else if (specChanged) this.#planReady(key);
  }

  markDeleted(key: string, stored: Stored): void {
    if (stored.object.metadata.deletionTimestamp !== undefined) return;
    const metadata = { ...stored.object.metadata, deletionTimestamp: new Date().toISOString() };
    this.replace(key, stored, { ...stored.object, metadata });
  }

  terminateNamespace(key: string, stored: Stored): void {
    if (stored.object.metadata.deletionTimestamp !== undefined) return;
    this.markDeleted(key, { ...stored, object: { ...stored.object, status: { phase: 'Terminating' } } });
    this.#later(this.#times.namespaceDeletionMs, () =>
      this.#emptyNamespace(key, stored.object.metadata.name),
    );
  }

  /** Takes an owner off what it owns, as the garbage collector does. */
  disown(uid: string): void {
    for (const [key, stored] of [...this.objects]) {
      const { ownerReferences, ...metadata } = stored.object.metadata;
      if (!Array.isArray(ownerReferences)) continue;
      const owners = (ownerReferences as { uid: string }[]).filter((owner) => owner.uid !== uid);
      if (owners.length === ownerReferences.length) continue;
      const kept = owners.length === 0 ? metadata : { ...metadata, ownerReferences: owners };
      this.replace(key, stored, { ...stored.object, metadata: kept });
    }
  }

  #emptyNamespace(key: string, name: string): void {
    let left = 0;
    for (const [inner, stored] of [...this.objects]) {
      if (stored.object.metadata.namespace !== name) continue;
      if (hasFinalizers(stored.object)) {
        this.markDeleted(inner, stored);
        left += 1;
      } else this.remove(inner);
    }
    if (left === 0) this.remove(key);
    else this.#later(10, () => this.#emptyNamespace(key, name));
  }

  remove(key: string): void {
    const stored = this.objects.get(key);
    if (stored === undefined) return;
    this.serial += 1;
    this.objects.delete(key);
    const metadata = { ...stored.object.metadata, resourceVersion: String(this.serial) };
    this.#record('DELETED', { ...stored.object, metadata });
  }

  /** The last finalizer of a deleted object went; a namespace still waits for its content. */
  #removeUnlessHeld(key: string): void {
    if (this.objects.get(key)?.object.kind !== 'Namespace') this.remove(key);
  }

  #planReady(key: string): void {
    const delay = this.#times.autoReadyMs;
    if (delay === undefined) return;
    this.#later(delay, () => {
      const stored = this.objects.get(key);
      const status = stored === undefined ? undefined : readyStatus(stored.object);
      if (stored !== undefined && status !== undefined)
        this.replace(key, stored, { ...stored.object, status });
    });
  }

  #later(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  #record(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject, before?: KubeObject): void {
    this.watches.record({ version: this.serial, kind: kindKey(object), type, object, before });
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

export function kindKey(kind: KindReference): string {
  return `${kind.apiVersion}/${kind.kind}`;
}

export function objectKey(reference: ObjectReference): string {
  // Versions of a kind are the same objects.
  const { apiVersion, kind, namespace = '', name } = reference;
  return [apiGroupOf(apiVersion), kind, namespace, name].join('|');
}

export function referenceOf({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  return { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name };
}
