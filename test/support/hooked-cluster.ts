import { FakeCluster } from '../../src/kube/fake-cluster.ts';
import type { ApplyOptions, ApplyResult, KubeObject, ObjectReference } from '../../src/kube/types.ts';

export interface ClusterWrite {
  verb: 'create' | 'apply' | 'delete';
  kind: string;
  namespace: string;
  name: string;
}

/** The cluster in memory, where a test may hold up a write or look at it. */
export class HookedCluster extends FakeCluster {
  /** Awaited before each write takes effect. */
  beforeWrite: (write: ClusterWrite) => Promise<void> | void = () => undefined;
  /** Writes that took effect, in order. */
  readonly written: ClusterWrite[] = [];

  override async create(object: KubeObject): Promise<KubeObject> {
    return this.#write(writeOf('create', object), () => super.create(object));
  }

  override async apply(object: KubeObject, options: ApplyOptions = {}): Promise<ApplyResult> {
    if (options.dryRun === true) return super.apply(object, options);
    return this.#write(writeOf('apply', object), () => super.apply(object));
  }

  override async delete(reference: ObjectReference, options: { uid: string }): Promise<'deleting' | 'gone'> {
    const { kind, namespace = '', name } = reference;
    return this.#write({ verb: 'delete', kind, namespace, name }, () => super.delete(reference, options));
  }

  /** Lets the next write that fits wait; `reached` tells that it does, `resume` lets it go on. */
  holdNext(fits: (write: ClusterWrite) => boolean): { reached: Promise<void>; resume: () => void } {
    const reached = Promise.withResolvers<void>();
    const resumed = Promise.withResolvers<void>();
    const before = this.beforeWrite;
    this.beforeWrite = async (write) => {
      await before(write);
      if (!fits(write)) return;
      this.beforeWrite = before;
      reached.resolve();
      await resumed.promise;
    };
    return { reached: reached.promise, resume: resumed.resolve };
  }

  async #write<T>(write: ClusterWrite, effect: () => Promise<T>): Promise<T> {
    await this.beforeWrite(write);
    const result = await effect();
    this.written.push(write);
    return result;
  }
}

function writeOf(verb: 'create' | 'apply', { kind, metadata }: KubeObject): ClusterWrite {
  return { verb, kind, namespace: metadata.namespace ?? '', name: metadata.name };
}
