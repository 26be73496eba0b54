/** Sweeps in the middle of operations: where nobody meddles there is nothing to find, and nothing in use is taken back. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { Store } from '../../src/store/types.ts';
import { leftoverSweep } from '../../src/worker/sweeps/leftovers.ts';
import { loginSweep } from '../../src/worker/sweeps/logins.ts';
import { orphanSweep } from '../../src/worker/sweeps/orphans.ts';
import { runSweeps } from '../../src/worker/sweeps/sweeper.ts';
import type { WorkerDeps } from '../../src/worker/types.ts';
import { serverChart } from '../support/server-plan.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

const step = fc.record({
  verb: fc.constantFrom('provision', 'provision', 'bind', 'bind', 'update', 'unbind', 'deprovision', 'age'),
  /** Which of those there are. */
  target: fc.nat(20),
  pauseMs: fc.nat(60),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface World {
  harness: WorkerHarness;
  instances: ServiceInstance[];
  bindings: ServiceBinding[];
  found: string[];
}

async function take({ verb, target }: Step, { harness, instances, bindings }: World): Promise<void> {
  const instance = instances[target % Math.max(1, instances.length)];
  const binding = bindings[target % Math.max(1, bindings.length)];
  if (verb === 'provision') instances.push((await harness.provision()).instance);
  else if (verb === 'age') {
    // As if what is over had been over for a while.
    for (const table of ['service_instances', 'service_bindings']) {
      await harness.query(`update ${table} set updated_at = updated_at - interval '1 minute'`);
    }
  } else if (verb === 'unbind') await (binding && harness.unbind(binding));
  else if (instance === undefined) return;
  else if (verb === 'bind') bindings.push((await harness.bind(instance)).binding);
  else if (verb === 'update') await harness.update(instance);
  else await harness.deprovision(instance);
}

async function sweepUntil(over: AbortSignal, { harness, found }: World): Promise<void> {
  const sweeps = [
    orphanSweep({ clusters: ['local'], graceSeconds: 0 }),
    leftoverSweep(),
    loginSweep({ graceSeconds: 0 }),
  ];
  const deps = harness.newDeps();
  for (;;) {
    const isLast = over.aborted;
    await runSweeps(deps, sweeps);
    found.push(
      ...(await harness.store.findings.list()).map(
        ({ kind, objectKind, name }) => `${kind}: ${objectKind} ${name}`,
      ),
    );
    if (isLast) return;
  }
}

async function untilQuiet(harness: WorkerHarness): Promise<void> {
  const working = () =>
    harness.query(`select 1 from operations where state = 'in progress' or lease_until is not null`);
  await expect.poll(working, { timeout: 20_000, interval: 20 }).toEqual([]);
}

test('random operations and sweeps beside them', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 8, maxLength: 25 }),
      fc.infiniteStream(fc.nat(8)),
      async (steps, delays) => {
        const harness = await startWorkerHarness();
        try {
          harness.cluster.beforeWrite = () => sleep(delays.next().value ?? 0);
          harness.provider.before = () => sleep(delays.next().value ?? 0);
          harness.startWatcher();
          for (const _ of [1, 2]) harness.startWorker();
          const world: World = { harness, instances: [], bindings: [], found: [] };
          const over = new AbortController();
          const sweeping = sweepUntil(over.signal, world);
          for (const each of steps) {
            await take(each, world).catch((thrown: unknown) => {
              if (!(thrown instanceof ChandlerError)) throw thrown;
            });
            await sleep(each.pauseMs);
          }
          await untilQuiet(harness);
          over.abort();
          await sweeping;
          await untilQuiet(harness);

          expect(world.found).toEqual([]);
          expect(harness.eventsOf('stragglerRemoved')).toEqual([]);
          const inUse = (await Promise.all(world.bindings.map((each) => harness.binding(each)))).filter(
            ({ state }) => state === 'bound',
          );
          const names = inUse.map(({ externalName }) => externalName).sort();
          expect([...harness.provider.logins].sort()).toEqual(names);
          const secrets = harness.cluster
            .all()
            .filter(({ kind, metadata }) => kind === 'Secret' && metadata.namespace === 'app');
          expect(secrets.map(({ metadata }) => metadata.name).sort()).toEqual(names);
        } finally {
          await harness.close();
        }
      },
    ),
    { numRuns: Number(process.env.CHANDLER_SWEEP_RUNS ?? 4), endOnFailure: true },
  );
});

describe('what happens in the middle of a sweep', () => {
  let harness: WorkerHarness;
  beforeEach(async () => {
    harness = await startWorkerHarness();
    harness.startWatcher();
    harness.startWorker();
  });
  afterEach(() => harness.close());

  const ended = async (operation: Operation) =>
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  const provisioned = async () => {
    const { instance, operation } = await harness.provision();
    await ended(operation);
    return harness.instance(instance);
  };
  const bound = async (instance: ServiceInstance) => {
    const { binding, operation } = await harness.bind(instance);
    await ended(operation);
    return harness.binding(binding);
  };

  /** A store in which `happens` comes to its end before the first rows of this kind are read. */
  function storeBefore(reads: 'rowsOf' | 'bindingsOf', happens: () => Promise<unknown>): Store {
    const { sweeps } = harness.store;
    let pending: (() => Promise<unknown>) | undefined = happens;
    const first = async () => {
      const happening = pending;
      pending = undefined;
      await happening?.();
    };
    const read = sweeps[reads] as (...given: unknown[]) => Promise<unknown>;
    const hooked = async (...given: unknown[]) => {
      await first();
      return read(...given);
    };
    return { ...harness.store, sweeps: { ...sweeps, [reads]: hooked } };
  }

  /** The cluster, in which `happens` comes to its end before the first request of this kind. */
  function clusterBefore(verb: 'list' | 'get', happens: () => Promise<unknown>) {
    let pending: (() => Promise<unknown>) | undefined = happens;
    return new Proxy(harness.cluster, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          const happening = key === verb ? pending : undefined;
          if (happening !== undefined) pending = undefined;
          await happening?.();
          return Reflect.apply(value, target, given);
        };
      },
    });
  }

  async function found(parts: Partial<WorkerDeps>): Promise<string[]> {
    const sweeps = [orphanSweep({ clusters: ['local'], graceSeconds: 0 }), loginSweep({ graceSeconds: 0 })];
    await runSweeps(harness.newDeps(parts), sweeps);
    expect(harness.eventsOf('backgroundFaulted')).toEqual([]);
    return (await harness.store.findings.list()).map(({ kind, name }) => `${kind} ${name}`);
  }

  test('what is provisioned before objects are listed has its rows', async () => {
    const cluster = clusterBefore('list', provisioned);
    expect(await found({ clusterOf: () => cluster })).toEqual([]);
  });

  test('what is unbound after objects were listed is no object without a row', async () => {
    const binding = await bound(await provisioned());
    const store = storeBefore('rowsOf', async () => ended(await harness.unbind(binding)));
    expect(await found({ store })).toEqual([]);
  });

  test('what an update takes away after objects were listed is none either', async () => {
    const extra = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' } };
    const { instance, operation } = await harness.provision({
      charts: { server: (request) => [...serverChart(request), extra] },
    });
    await ended(operation);
    const store = storeBefore('rowsOf', async () => ended((await harness.update(instance)).operation));
    expect(await found({ store })).toEqual([]);
    expect(harness.objectsOf(instance).some(({ metadata }) => metadata.name === 'extra')).toBe(false);
  });

  test('what is bound after objects were listed, and unbound before they are looked for by name, misses nothing', async () => {
    const instance = await provisioned();
    const bindings: ServiceBinding[] = [];
    const store = storeBefore('rowsOf', async () => bindings.push(await bound(instance)));
    const cluster = clusterBefore('get', async () => {
      for (const each of bindings) await ended(await harness.unbind(each));
    });
    expect(await found({ store, clusterOf: () => cluster })).toEqual([]);
    expect((await harness.binding(bindings[0] as ServiceBinding)).state).toBe('unbound');
  });

  test('what is bound after logins were listed misses no login', async () => {
    const instance = await provisioned();
    expect(await found({ store: storeBefore('bindingsOf', () => bound(instance)) })).toEqual([]);
  });

  test('an unbind that is at work is left to itself, also when the time of its binding is up', async () => {
    const binding = await bound(await provisioned());
    const reached = Promise.withResolvers<void>();
    const resumed = Promise.withResolvers<void>();
    harness.provider.before = async (verb) => {
      if (verb !== 'revoke') return;
      reached.resolve();
      await resumed.promise;
    };
    const unbinding = await harness.unbind(binding);
    await reached.promise;
    await harness.query(
      `update service_bindings set state = 'bound', expires_at = clock_timestamp() - interval '1 second'`,
    );
    await runSweeps(harness.newDeps(), [leftoverSweep()]);
    expect(harness.provider.callsOf('revoke')).toHaveLength(1);
    resumed.resolve();
    await ended(unbinding);
  });
});

test('the clock of a process decides nothing', async () => {
  const harness = await startWorkerHarness();
  try {
    await harness.cluster.create({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: {
        name: 'left',
        namespace: 'app',
        labels: { 'chandler.dev/installation': harness.store.installationId },
      },
    });
    const sweep = () =>
      runSweeps(harness.newDeps(), [orphanSweep({ clusters: ['local'], graceSeconds: 600 })]);
    await sweep();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    await sweep();
    await sweep();
    expect((await harness.store.findings.list()).map(({ quarantinedAt }) => quarantinedAt)).toEqual([
      undefined,
    ]);
    vi.setSystemTime(Date.now() - 7_200_000);
    await harness.query(`update findings set first_seen_at = first_seen_at - interval '11 minutes'`);
    await sweep();
    expect((await harness.store.findings.list())[0]?.quarantinedAt).toBeDefined();
  } finally {
    vi.useRealTimers();
    await harness.close();
  }
});
