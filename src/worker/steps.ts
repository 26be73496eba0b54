/** Tells a hook of every step of an operation, so that it can be made to fail, to die or to stand still there. */
import type { CredentialsProvider } from '../credentials/types.ts';
import type { OperationType } from '../domain/operation.ts';
import type { StepHook } from '../domain/steps.ts';
import { overlay } from '../lib/overlay.ts';
import type { ExternalProvisioner, InstanceTarget } from '../provisioners/types.ts';
import type { Store, StoreTransaction } from '../store/types.ts';
import type { WorkerDeps } from './types.ts';

/** The parts that an operation of this type works with; the same ones when nobody wants to know. */
export function withSteps(deps: WorkerDeps, verb: OperationType): WorkerDeps {
  const { steps } = deps;
  if (steps === undefined) return deps;
  const around: Around = async (name, effect) => {
    await steps({ verb, when: 'before', name });
    const result = await effect();
    await steps({ verb, when: 'after', name });
    return result;
  };
  const { operationQueue } = deps.store;
  return {
    ...deps,
    store: {
      ...storeWithSteps(deps.store, steps, verb),
      operationQueue: {
        ...operationQueue,
        release: (...given) => around('release', () => operationQueue.release(...given)),
      },
    },
    helm: overlay(deps.helm, {
      upgrade: (request) => around('helm-upgrade', () => deps.helm.upgrade(request)),
      uninstall: (request) => around('helm-uninstall', () => deps.helm.uninstall(request)),
    }),
    clusterOf: (name) => clusterWithSteps(deps.clusterOf(name), around),
    providers: mapValues(deps.providers, (provider) => providerWithSteps(provider, around)),
    externals: mapValues(deps.externals, (external, name) => externalWithSteps(external, name, around)),
  };
}

/**
 * Each transaction that moves an operation is one step: before it commits, and after. Without a verb these are the
 * transactions that promise an operation.
 */
export function storeWithSteps(store: Store, steps: StepHook, verb?: OperationType): Store {
  return {
    ...store,
    async transact(work) {
      const step: { name?: string; verb?: OperationType } = verb === undefined ? {} : { verb };
      const tell = async (when: 'before' | 'after') => {
        if (step.name !== undefined && step.verb !== undefined)
          await steps({ verb: step.verb, when, name: step.name });
      };
      const result = await store.transact(async (transaction) => {
        const written = await work(
          transactionWithNames(transaction, (name, type) => {
            if (type !== undefined) step.verb ??= type;
            // Whatever else it writes, a transaction that promises or ends an operation is just that.
            if (step.name === undefined || name === 'accept' || name === 'finish') step.name = name;
          }),
        );
        await tell('before');
        return written;
      });
      await tell('after');
      return result;
    },
  };
}

type Cluster = InstanceTarget['cluster'];
type Around = <T>(name: string, effect: () => Promise<T>) => Promise<T>;

/** The same transaction, of which those writes are told that give it its name. */
function transactionWithNames(
  transaction: StoreTransaction,
  tell: (name: string, verb?: OperationType) => void,
): StoreTransaction {
  const named = (name: string) => name.toLowerCase().replaceAll(' ', '-');
  return {
    ...transaction,
    enqueueOperation(operation) {
      tell('accept', operation.type);
      return transaction.enqueueOperation(operation);
    },
    planInventory(items) {
      tell(`plan-${items[0]?.resourceId ?? ''}`);
      return transaction.planInventory(items);
    },
    recordApplied(item, applied) {
      tell(named(`record ${item.kind}`));
      return transaction.recordApplied(item, applied);
    },
    removeInventory(item) {
      tell(named(`forget ${item.kind}`));
      return transaction.removeInventory(item);
    },
    setInstanceState(uid, state, usable) {
      tell(named(`record ${state}`));
      return transaction.setInstanceState(uid, state, usable);
    },
    setBindingState(uid, state) {
      tell(named(`record ${state}`));
      return transaction.setBindingState(uid, state);
    },
    beginRestoring(claim, failure, timeoutSeconds) {
      tell('begin-restoring');
      return transaction.beginRestoring(claim, failure, timeoutSeconds);
    },
    finishOperation(claim, outcome) {
      tell('finish');
      return transaction.finishOperation(claim, outcome);
    },
  };
}

function clusterWithSteps(cluster: Cluster, around: Around): Cluster {
  const kindOf = ({ kind }: { kind: string }) => kind.toLowerCase();
  return overlay(cluster, {
    create: (object) => around(`create-${kindOf(object)}`, () => cluster.create(object)),
    apply: (object) => around(`apply-${kindOf(object)}`, () => cluster.apply(object)),
    delete: (reference, options) =>
      around(`delete-${kindOf(reference)}`, () => cluster.delete(reference, options)),
  });
}

function providerWithSteps(provider: CredentialsProvider, around: Around): CredentialsProvider {
  return overlay(provider, {
    prepare: (...given) => around('prepare-server', () => provider.prepare(...given)),
    create: (...given) => around('create-login', () => provider.create(...given)),
    revoke: (...given) => around('revoke-login', () => provider.revoke(...given)),
  });
}

function externalWithSteps(external: ExternalProvisioner, name: string, around: Around): ExternalProvisioner {
  return overlay(external, {
    apply: (resource) => around(`apply-${name}`, () => external.apply(resource)),
    remove: (resource) => around(`remove-${name}`, () => external.remove(resource)),
  });
}

function mapValues<T>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
