/** Sweeps take back what bindings leave, and tell of logins that rows do not agree with. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { identityLabels } from '../../src/lib/labels.ts';
import { leftoverSweep } from '../../src/worker/sweeps/leftovers.ts';
import { loginSweep } from '../../src/worker/sweeps/logins.ts';
import { orphanSweep } from '../../src/worker/sweeps/orphans.ts';
import { runSweeps } from '../../src/worker/sweeps/sweeper.ts';
import { serverBind } from '../support/server-plan.ts';
import {
  appNamespace,
  type PlanOptions,
  startWorkerHarness,
  type WorkerHarness,
} from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeEach(async () => {
  harness = await startWorkerHarness();
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.close());

const sweep = () => runSweeps(harness.newDeps(), [leftoverSweep(), loginSweep({ graceSeconds: 600 })]);
const faults = () => harness.eventsOf('backgroundFaulted').map(({ fields }) => String(fields.task));
const findings = async () =>
  (await harness.store.findings.list()).map(({ kind, name }) => `${kind}: ${name}`);
const age = () =>
  harness.query(`update service_bindings set updated_at = updated_at - interval '31 seconds'`);
const delivered = ({ externalName }: ServiceBinding) =>
  harness.cluster.all().filter(({ metadata }) => metadata.name === externalName);
const sweptAt = async ({ uid }: ServiceBinding) =>
  (await harness.query('select swept_at from service_bindings where uid = $1', [uid]))[0]?.swept_at;

async function readyInstance(plan: PlanOptions = {}): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(plan);
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance): Promise<ServiceBinding> {
  const { binding, operation } = await harness.bind(instance);
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  return harness.binding(binding);
}

async function unbound(instance: ServiceInstance): Promise<ServiceBinding> {
  const binding = await bound(instance);
  expect((await harness.untilFinished(await harness.unbind(binding))).state).toBe('succeeded');
  return binding;
}

/** What a worker leaves that makes login and Secret after the unbind was acknowledged. */
async function comeLate(binding: ServiceBinding, instance: ServiceInstance): Promise<void> {
  harness.provider.plant({ instanceName: instance.externalName }, binding.externalName);
  const { installationId } = harness.store;
  await harness.cluster.create({
    ...{ apiVersion: 'v1', kind: 'Secret' },
    metadata: {
      ...{ name: binding.externalName, namespace: appNamespace },
      labels: identityLabels({ installationId, instanceUid: instance.uid, bindingUid: binding.uid }),
    },
  });
}

async function failedBind(instance: ServiceInstance): Promise<ServiceBinding> {
  const create = harness.provider.create.bind(harness.provider);
  harness.provider.create = async (...given) => {
    await create(...given);
    throw new ChandlerError('CredentialsRejected');
  };
  const { binding, operation } = await harness.bind(instance);
  expect((await harness.untilFinished(operation)).state).toBe('failed');
  harness.provider.create = create;
  return binding;
}

test('a binding in use loses nothing, and nothing is told of it', async () => {
  const instance = await readyInstance();
  const binding = await bound(instance);
  await age();
  await sweep();
  await sweep();
  expect([...harness.provider.logins]).toEqual([binding.externalName]);
  expect(delivered(binding)).toHaveLength(2);
  expect(await findings()).toEqual([]);
  expect(faults()).toEqual([]);
});

describe('an unbound binding', () => {
  test('is looked at once more: the login and the Secret of a late worker go', async () => {
    const instance = await readyInstance();
    const binding = await unbound(instance);
    await comeLate(binding, instance);
    await sweep();
    expect(harness.provider.logins.size, 'too early').toBe(1);
    expect(await findings()).toEqual([]);

    await age();
    await sweep();
    expect(harness.provider.logins.size).toBe(0);
    expect(delivered(binding)).toEqual([]);
    expect(await sweptAt(binding)).not.toBeNull();
    expect(harness.eventsOf('bindingSwept')).toHaveLength(1);

    const revokes = harness.provider.callsOf('revoke').length;
    await sweep();
    expect(harness.provider.callsOf('revoke'), 'looked at only once').toHaveLength(revokes);
  });

  test('loses a login that comes after even that', async () => {
    const instance = await readyInstance();
    const binding = await unbound(instance);
    await age();
    await sweep();
    harness.provider.plant({ instanceName: instance.externalName }, binding.externalName);
    await sweep();
    expect(harness.provider.logins.size).toBe(0);
    expect(await findings()).toEqual([]);
  });

  test('is tried again in the next round when its server is away, and that is told', async () => {
    const instance = await readyInstance();
    const binding = await unbound(instance);
    await comeLate(binding, instance);
    await age();
    harness.provider.before = (verb) => {
      if (verb === 'revoke') throw new ChandlerError('ServerUnreachable');
    };
    await sweep();
    expect(faults()[0]).toContain(`the unbound binding ${binding.uid}`);
    expect(await sweptAt(binding)).toBeNull();
    harness.provider.before = () => undefined;
    await sweep();
    expect(harness.provider.logins.size).toBe(0);
  });

  test('of which no operation tells counts as looked at with its deprovisioned instance', async () => {
    const instance = await readyInstance();
    const binding = await bound(instance);
    await harness.query('delete from operations where binding_uid = $1', [binding.uid]);
    await harness.untilFinished(await harness.deprovision(instance));
    await age();
    await harness.query(`update service_instances set updated_at = updated_at - interval '1 hour'`);
    await runSweeps(harness.newDeps(), [orphanSweep({ clusters: ['local'], graceSeconds: 600 })]);
    expect(await sweptAt(binding)).not.toBeNull();
    expect(await harness.store.sweeps.bindingLeftovers(0)).toEqual([]);
  });

  test('of a deprovisioned instance needs no server', async () => {
    const instance = await readyInstance();
    const binding = await unbound(instance);
    await harness.untilFinished(await harness.deprovision(instance));
    await comeLate(binding, instance);
    await age();
    const revokes = harness.provider.callsOf('revoke').length;
    await sweep();
    expect(delivered(binding)).toEqual([]);
    expect(harness.provider.callsOf('revoke')).toHaveLength(revokes);
  });
});

test('a failed bind leaves neither login nor Secret, and may still be tried again or unbound', async () => {
  const binding = await failedBind(await readyInstance());
  expect(harness.provider.logins.size).toBe(1);
  await sweep();
  expect(harness.provider.logins.size, 'too early').toBe(1);
  await age();
  await sweep();
  expect(harness.provider.logins.size).toBe(0);
  expect((await harness.binding(binding)).state).toBe('bind failed');
  expect((await harness.untilFinished(await harness.unbind(binding))).state).toBe('succeeded');
});

test('a bind that meets the delivery of a binding whose row was lost leaves its login alone, and so do sweeps', async () => {
  const instance = await readyInstance();
  const lost = await bound(instance);
  for (const table of ['operations', 'service_bindings']) {
    const column = table === 'operations' ? 'binding_uid' : 'uid';
    await harness.query(`delete from ${table} where ${column} = $1`, [lost.uid]);
  }
  const before = delivered(lost);
  const creates = harness.provider.callsOf('create').length;
  const { binding, operation } = await harness.bind(instance, appNamespace, lost.bindingId);
  expect(binding.externalName).toBe(lost.externalName);
  expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'AdoptionRefused' });
  expect(harness.provider.callsOf('create')).toHaveLength(creates);
  await age();
  await sweep();
  expect([...harness.provider.logins]).toEqual([lost.externalName]);
  expect(delivered(lost)).toEqual(before);
});

test('what is asked of a binding while a sweep works on it begins when the sweep is through', async () => {
  const binding = await failedBind(await readyInstance());
  await age();
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  harness.provider.before = async (verb) => {
    if (verb !== 'revoke') return;
    harness.provider.before = () => undefined;
    reached.resolve();
    await resumed.promise;
  };
  const sweeping = sweep();
  await reached.promise;
  // As a platform that repeats its PUT until it works.
  await harness.store.transact(async (transaction) => {
    await transaction.setBindingState(binding.uid, 'binding');
    await transaction.enqueueOperation({
      ...{ type: 'bind', instanceUid: binding.instanceUid, bindingUid: binding.uid },
      ...{ timeoutSeconds: 60, description: 'again' },
    });
  });
  const again = await harness.store.latestBindingOperation(binding.uid);
  await sleep(300);
  expect(harness.provider.callsOf('create')).toHaveLength(1);
  resumed.resolve();
  await sweeping;
  expect((await harness.untilFinished(again as NonNullable<typeof again>)).state).toBe('succeeded');
  expect([...harness.provider.logins]).toEqual([binding.externalName]);
});

test('a binding whose time is up loses its login and its Secret; its row stays, and it can be unbound', async () => {
  const instance = await readyInstance({ bind: { ...serverBind, lifetime: 3600 } });
  const [binding, other] = [await bound(instance), await bound(instance)];
  await sweep();
  expect(harness.provider.logins.size).toBe(2);

  await harness.query(
    `update service_bindings set expires_at = clock_timestamp() - interval '1 second', renew_before = null where uid = $1`,
    [binding.uid],
  );
  await sweep();
  await sweep();
  expect([...harness.provider.logins]).toEqual([other.externalName]);
  expect(delivered(binding)).toEqual([]);
  expect(harness.eventsOf('bindingExpired')).toHaveLength(1);
  expect(await findings()).toEqual([]);
  expect((await harness.binding(binding)).state).toBe('bound');
  expect((await harness.untilFinished(await harness.unbind(binding))).state).toBe('succeeded');
});

describe('logins', () => {
  test('that no binding explains are told of, and never revoked', async () => {
    const instance = await readyInstance();
    harness.provider.plant({ instanceName: instance.externalName }, 'b-nobody');
    await sweep();
    await sweep();
    expect(await findings()).toEqual(['login without row: b-nobody']);
    expect(harness.provider.logins.has('b-nobody')).toBe(true);
    await harness.query(`update findings set first_seen_at = first_seen_at - interval '11 minutes'`);
    await sweep();
    expect(harness.eventsOf('findingConfirmed')).toHaveLength(1);
    await harness.untilFinished(await harness.deprovision(instance));
    await sweep();
    expect(await findings()).toEqual([]);
  });

  test('that are gone while their binding is in use are told of', async () => {
    const binding = await bound(await readyInstance());
    harness.provider.logins.delete(binding.externalName);
    await sweep();
    expect(await findings()).toEqual([`row without login: ${binding.externalName}`]);
  });

  test.each(['update failed', 'deprovision failed'])(
    'of an instance in use are looked at in the state "%s" too, and what was found goes when it cannot be used',
    async (state) => {
      const instance = await readyInstance();
      const late = await unbound(instance);
      await age();
      await sweep();
      await harness.query('update service_instances set state = $2 where uid = $1', [instance.uid, state]);
      for (const name of [late.externalName, 'b-nobody']) {
        harness.provider.plant({ instanceName: instance.externalName }, name);
      }
      await sweep();
      expect([...harness.provider.logins]).toEqual(['b-nobody']);
      expect(await findings()).toEqual(['login without row: b-nobody']);

      await harness.query('update service_instances set usable = false where uid = $1', [instance.uid]);
      await sweep();
      expect(await findings()).toEqual([]);
    },
  );

  test('of a server that is away are left for later, and what was found of it before stays', async () => {
    const [away, near] = [await readyInstance(), await readyInstance()];
    for (const each of [away, near]) {
      harness.provider.plant({ instanceName: each.externalName }, `b-of-${each.instanceId}`);
    }
    await sweep();
    harness.provider.before = (verb) => {
      const last = harness.provider.calls.at(-1);
      if (verb === 'list' && last?.target.instanceName === away.externalName) {
        throw new ChandlerError('ServerUnreachable');
      }
    };
    harness.provider.logins.clear();
    await sweep();
    expect(await findings()).toEqual([`login without row: b-of-${away.instanceId}`]);
    expect(faults()).toEqual([expect.stringContaining('logins of 1 service instances')]);
  });
});
