/** What sweeps found is settled by an admin: rows are lost as by the restore of an older dump, objects as by a hand. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import { annotationKeys, labelKeys } from '../../src/lib/labels.ts';
import type { NewFinding, Store } from '../../src/store/types.ts';
import type { OrphanAction } from '../../src/tools/orphans/group-findings.ts';
import { OrphanRefused } from '../../src/tools/orphans/orphan-refused.ts';
import { planSettlement } from '../../src/tools/orphans/plan-settlement.ts';
import type { SettleOptions } from '../../src/tools/orphans/settlement.ts';
import { listOrphans, pickOrphans } from '../../src/tools/orphans/survey-orphans.ts';
import { leftoverSweep } from '../../src/worker/sweeps/leftovers.ts';
import { runSweeps } from '../../src/worker/sweeps/sweeper.ts';
import { serverChart } from '../support/server-plan.ts';
import { appNamespace, present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;

beforeEach(async () => {
  harness = await startWorkerHarness();
  harness.startWorker();
  harness.startWatcher();
});
afterEach(() => harness.close());

const secretKind = { apiVersion: 'v1', kind: 'Secret' };
const claimKind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };

async function readyInstance(
  planned: Parameters<WorkerHarness['provision']>[0] = {},
): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(planned);
  await harness.untilFinished(operation);
  return harness.instance(instance);
}

async function boundBinding(instance: ServiceInstance): Promise<ServiceBinding> {
  const { binding, operation } = await harness.bind(instance);
  await harness.untilFinished(operation);
  return harness.binding(binding);
}

/** One whose delivery was put back so often that whatever is gone from it now stays so. */
async function unmendedBinding(instance: ServiceInstance): Promise<ServiceBinding> {
  const binding = await boundBinding(instance);
  await harness.useUpRepairs(binding);
  return binding;
}

/** As if the dump were older than the instance. */
async function loseRow({ uid }: ServiceInstance): Promise<void> {
  for (const table of ['operations', 'inventory', 'service_bindings']) {
    await harness.query(`delete from ${table} where instance_uid = $1`, [uid]);
  }
  await harness.query('delete from service_instances where uid = $1', [uid]);
}

async function loseBindingRow({ uid }: ServiceBinding): Promise<void> {
  await harness.query('delete from operations where binding_uid = $1', [uid]);
  await harness.query('delete from service_bindings where uid = $1', [uid]);
}

/** What two sweeps saw. */
async function confirm(...findings: Partial<NewFinding>[]): Promise<void> {
  const found = findings.map((finding) => ({
    ...{ kind: 'object without row', cluster: 'local', apiVersion: 'v1', objectKind: 'Secret' },
    ...{ namespace: '', name: '', detail: '' },
    ...finding,
  })) as NewFinding[];
  const kinds = [...new Set(found.map(({ kind }) => kind))];
  const scope = { cluster: 'local', kinds };
  await harness.store.findings.record(scope, found);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await harness.store.findings.record(scope, found);
  await harness.store.findings.quarantine(kinds, 0);
}

const namespaceOf = ({ namespace, uid }: ServiceInstance): Partial<NewFinding> => ({
  ...{ objectKind: 'Namespace', name: namespace, instanceUid: uid },
  objectUid: uidOf('Namespace', namespace),
});

const deliveryOf = (binding: ServiceBinding): Partial<NewFinding>[] =>
  ['Secret', 'ConfigMap'].map((objectKind) => ({
    ...{ objectKind, namespace: appNamespace, name: binding.externalName },
    ...{ instanceUid: binding.instanceUid, bindingUid: binding.uid },
    objectUid: uidOf(objectKind, binding.externalName),
  }));

const loginOf = (binding: ServiceBinding): Partial<NewFinding> => ({
  ...{ kind: 'login without row', apiVersion: '', objectKind: 'login', namespace: 'anywhere' },
  ...{ name: binding.externalName.replace('-', '_'), instanceUid: binding.instanceUid },
});

const objectOf = (kind: string, name: string) =>
  harness.cluster.all().find((object) => object.kind === kind && object.metadata.name === name);
const uidOf = (kind: string, name: string) => present(objectOf(kind, name)?.metadata.uid);
const uids = () =>
  harness.cluster
    .all()
    .map(({ metadata }) => metadata.uid ?? '')
    .sort();

async function plan(
  action: OrphanAction,
  options: Partial<SettleOptions> = {},
  store: Store = harness.store,
) {
  const deps = { store, cluster: harness.cluster };
  const orphans = await listOrphans(deps);
  const orphan = present(orphans[0]);
  const all = { trustSecret: false, withEmptyVolumes: false, ...options };
  return planSettlement(deps, action, orphan, orphans, all);
}

async function settle(action: OrphanAction, options: Partial<SettleOptions> = {}): Promise<Operation> {
  const settlement = await plan(action, options);
  return harness.untilFinished(present(await settlement.begin()));
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const thrown = await promise.then(
    () => expect.unreachable('it was not refused'),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OrphanRefused);
  return (thrown as OrphanRefused).message;
}

describe('an instance without a row', () => {
  test('is adopted: the same objects, the same passwords, and a row that the platform knows again', async () => {
    const before = await readyInstance();
    const standing = uids();
    await loseRow(before);
    await confirm(namespaceOf(before));

    expect(await settle('adopt')).toMatchObject({ type: 'provision', state: 'succeeded' });
    const after = await harness.instance(before);
    const { createdAt: _c, updatedAt: _u, ...same } = before;
    expect(after).toMatchObject({ ...same, generated: expect.anything() as unknown });
    expect(after.generated.reveal()).toEqual(before.generated.reveal());
    expect(uids()).toEqual(standing);
    const inventory = await harness.inventoryOf(before);
    expect(inventory.map(({ kind }) => kind).sort()).toEqual(
      ['Namespace', 'PersistentVolumeClaim', 'Secret', 'Service', 'StatefulSet'].sort(),
    );
    expect(inventory.every(({ objectUid }) => standing.includes(objectUid ?? ''))).toBe(true);
    // A binding works, and in the end it can be deprovisioned like any other.
    await boundBinding(after);
    await harness.untilFinished(await harness.deprovision(after));
    expect(harness.objectsOf(before)).toEqual([]);
  });

  test('is removed by an ordinary deprovision, with what its bindings got, and leaves a tombstone', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    const other = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance), ...deliveryOf(binding));

    const { steps } = await plan('remove');
    expect(steps.join('\n')).toContain(`StatefulSet ${instance.externalName}-server`);
    expect(steps.join('\n')).toContain(`Secret ${appNamespace}/${binding.externalName}`);
    expect(await settle('remove')).toMatchObject({ type: 'deprovision', state: 'succeeded' });
    expect(harness.objectsOf(instance)).toEqual([]);
    expect(harness.objectsOf(other)).not.toEqual([]);
    expect(await harness.instance(instance)).toMatchObject({ uid: instance.uid, state: 'deprovisioned' });
    expect((await harness.binding(binding)).state).toBe('unbound');
  });

  test('is not removed with what somebody else put into its namespace', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await harness.cluster.create({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: { name: 'precious', namespace: instance.namespace },
    });
    await confirm(namespaceOf(instance));
    const operation = await settle('remove');
    expect(operation).toMatchObject({ state: 'failed', errorCode: 'ResourceFailed' });
    expect(operation.description).toContain('precious');
    expect(objectOf('ConfigMap', 'precious')).toBeDefined();
  });

  test('of two admins one wins, and the other is told', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    const [one, other] = [await plan('adopt'), await plan('remove', {}, await harness.openAnother())];
    const outcomes = await Promise.allSettled([one.begin(), other.begin()]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(String(lost.reason)).toMatch(/Somebody else was first/);
    expect(await listOrphans(harness)).toEqual([]);
  });

  test('whose plan revision is not in the database asks for the catalog, or for a plan', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    await harness.query(`update plan_revisions set digest = 'another'`);
    expect(await refusal(plan('adopt'))).toMatch(
      /Start a broker once with the catalog .* or choose a plan with --plan/,
    );
    await harness.query(`update plan_revisions set digest = definition ->> 'digest'`);
    expect((await settle('adopt', { planId: instance.planId })).state).toBe('succeeded');
  });

  test.each([
    ['another platform', annotationKeys.platform],
    ['another id', annotationKeys.instanceId],
  ])('whose namespace says that it belongs to %s is refused', async (_what, key) => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    const { name, namespace } = { name: instance.namespace, namespace: '' };
    await harness.cluster.apply({
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: {
        ...{ name, namespace },
        labels: objectOf('Namespace', name)?.metadata.labels ?? {},
        annotations: { ...objectOf('Namespace', name)?.metadata.annotations, [key]: 'mallory' },
      },
    });
    expect(await refusal(plan('adopt'))).toMatch(/is not the one that Chandler gives/);
    expect(await refusal(plan('remove'))).toMatch(/is not the one that Chandler gives/);
  });

  test('beside a live one of the same id is refused until that one is settled', async () => {
    const instance = await readyInstance();
    const claimed = '00000000-0000-4000-8000-000000000001';
    await harness.cluster.apply({
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: {
        name: instance.namespace,
        labels: {
          ...objectOf('Namespace', instance.namespace)?.metadata.labels,
          [labelKeys.instance]: claimed,
        },
        annotations: { ...objectOf('Namespace', instance.namespace)?.metadata.annotations },
      },
    });
    await confirm({ ...namespaceOf(instance), instanceUid: claimed });
    expect(await refusal(plan('adopt'))).toMatch(/Another instance lives under the same id/);
  });

  test.each([
    ['repeated the provision, and was refused', false],
    ['had the refused provision deleted', true],
  ])('is adopted although its platform %s', async (_what, deleted) => {
    const instance = await readyInstance();
    await loseRow(instance);
    const again = await harness.provisionAgain(instance);
    expect(await harness.untilFinished(again)).toMatchObject({
      state: 'failed',
      errorCode: 'AdoptionRefused',
    });
    if (deleted) {
      const refused = present(await harness.store.findInstance(instance));
      expect(await harness.untilFinished(await harness.deprovision(refused))).toMatchObject({
        state: 'succeeded',
      });
    }
    await confirm(namespaceOf(instance));
    expect((await settle('adopt')).state).toBe('succeeded');
    expect(await harness.store.findInstance(instance)).toMatchObject({ uid: instance.uid, state: 'ready' });
  });

  test('is not adopted in place of one that failed later', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await harness.untilFinished(await harness.provisionAgain(instance));
    await harness.query(`update operations set error_code = 'DeadlineExceeded'`);
    await confirm(namespaceOf(instance));
    expect(await refusal(plan('adopt'))).toMatch(/Another instance lives under the same id/);
  });

  test('whose password is gone is not adopted with a new one, which would lock it out', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    const name = `${instance.externalName}-admin`;
    harness.cluster.vanish({ apiVersion: 'v1', kind: 'Secret', namespace: instance.namespace, name });
    expect(await refusal(plan('adopt'))).toContain(`the Secret ${name}`);
    expect((await settle('remove')).state).toBe('succeeded');
  });

  test('keeps what controllers made of its objects, which carries the same labels', async () => {
    const instance = await readyInstance();
    const service = present(objectOf('Service', `${instance.externalName}-server`));
    const { name, namespace = '', labels = {} } = service.metadata;
    const derived = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, labels } };
    const { metadata } = await harness.cluster.create(derived);
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    await settle('adopt');
    expect((await harness.inventoryOf(instance)).map(({ kind }) => kind)).not.toContain('Endpoints');
    expect(uidOf('Endpoints', name)).toBe(metadata.uid);
  });

  test('gets the parameters that the admin names, if they fit the plan', async () => {
    const { instance, operation } = await harness.provision({}, { storage: '2Gi' });
    await harness.untilFinished(operation);
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    await settle('adopt', { parameters: { storage: '2Gi' } });
    expect((await harness.instance(instance)).parameters).toEqual({ storage: '2Gi' });
  });

  test('is not settled before it is confirmed', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    const found = { detail: '', cluster: 'local', apiVersion: 'v1', namespace: '', ...namespaceOf(instance) };
    await harness.store.findings.record({ cluster: 'local', kinds: ['object without row'] }, [
      { kind: 'object without row', ...found } as NewFinding,
    ]);
    expect(await refusal(plan('remove'))).toMatch(/is not confirmed yet/);
  });

  test('whose adoption failed may be adopted once more, without a finding', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    harness.provider.before = () => {
      throw new ChandlerError('CredentialsRejected');
    };
    expect(await settle('adopt')).toMatchObject({ state: 'failed' });
    harness.provider.before = () => undefined;
    const { picked, all } = await pickOrphans(harness, [instance.uid]);
    const options = { trustSecret: false, withEmptyVolumes: false };
    const again = await planSettlement(harness, 'adopt', present(picked[0]), all, options);
    expect(await harness.untilFinished(present(await again.begin()))).toMatchObject({ state: 'succeeded' });
    expect((await harness.instance(instance)).state).toBe('ready');
  });

  test('keeps what parameters had switched on and nobody remembers, and is told of it', async () => {
    let archive = true;
    const chart = (request: RenderRequest) => [
      ...serverChart(request),
      ...(archive ? [{ ...claimKind, metadata: { name: `${request.releaseName}-archive` }, spec: {} }] : []),
    ];
    const instance = await readyInstance({ charts: { server: chart } });
    await loseRow(instance);
    archive = false;
    await confirm(namespaceOf(instance));
    const standing = uids();
    const settlement = await plan('adopt');
    expect(settlement.steps.join('\n')).toContain('nothing is deleted');
    expect(await harness.untilFinished(present(await settlement.begin()))).toMatchObject({
      state: 'succeeded',
    });
    expect(uids()).toEqual(standing);
    const name = `${instance.externalName}-server-archive`;
    expect((await harness.inventoryOf(instance)).map((item) => item.name)).not.toContain(name);
    expect((await settlement.leftAlone?.())?.join('\n')).toContain(`PersistentVolumeClaim ${name}`);
    // Nor does a later operation take it for its own.
    expect((await harness.untilFinished(await harness.repair(instance))).state).toBe('succeeded');
    expect(uids()).toEqual(standing);
  });

  test('whose volume is gone is not adopted with an empty one', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    const { namespace, externalName } = instance;
    harness.cluster.vanish({ ...claimKind, namespace, name: `${externalName}-server` });
    const standing = uids();
    const operation = await settle('adopt');
    expect(operation).toMatchObject({ state: 'failed', errorCode: 'ResourceFailed' });
    expect(operation.description).toMatch(/^PersistentVolumeClaim .* is gone, and with it the data/);
    expect(uids()).toEqual(standing);
    const { picked, all } = await pickOrphans(harness, [instance.uid]);
    const options = { trustSecret: false, withEmptyVolumes: false };
    const again = await planSettlement(harness, 'adopt', present(picked[0]), all, options);
    expect(await harness.untilFinished(present(await again.begin()))).toMatchObject({ state: 'failed' });
    expect(uids()).toEqual(standing);
  });

  test('is told without a secret', async () => {
    const instance = await readyInstance();
    await loseRow(instance);
    await confirm(namespaceOf(instance));
    const said = JSON.stringify(await plan('adopt'));
    expect(said).not.toContain(instance.generated.reveal().admin?.password);
    expect(said).toContain('read back from its Secrets what was generated: admin');
  });
});

describe('a binding without a row', () => {
  test('is adopted with the password that was delivered', async () => {
    const instance = await readyInstance();
    const before = await boundBinding(instance);
    const delivered = objectOf('Secret', before.externalName);
    await loseBindingRow(before);
    await confirm(...deliveryOf(before));
    await confirm(loginOf(before));
    expect(await listOrphans(harness)).toHaveLength(1);

    expect(await settle('adopt')).toMatchObject({ type: 'bind', state: 'succeeded' });
    const after = await harness.binding(before);
    expect(after).toMatchObject({
      ...{ bindingId: before.bindingId, externalName: before.externalName, incarnation: before.incarnation },
      ...{ state: 'bound', delivery: before.delivery },
    });
    expect(after.password.reveal()).toBe(before.password.reveal());
    expect(after.credentials?.reveal()).toEqual(before.credentials?.reveal());
    expect(objectOf('Secret', before.externalName)).toMatchObject({
      data: delivered?.data,
      metadata: { uid: delivered?.metadata.uid },
    });
  });

  test('whose adoption failed keeps its login and its Secret, and may be adopted once more', async () => {
    const instance = await readyInstance();
    const before = await boundBinding(instance);
    await loseBindingRow(before);
    await confirm(...deliveryOf(before));
    await confirm(loginOf(before));
    harness.provider.before = () => {
      throw new ChandlerError('CredentialsRejected');
    };
    expect(await settle('adopt')).toMatchObject({ type: 'bind', state: 'failed' });
    harness.provider.before = () => undefined;
    await harness.query(`update service_bindings set updated_at = updated_at - interval '1 hour'`);
    await runSweeps(harness.newDeps(), [leftoverSweep()]);
    expect(harness.provider.logins).toEqual(new Set([before.externalName]));
    expect(objectOf('Secret', before.externalName)).toBeDefined();

    const { picked, all } = await pickOrphans(harness, [before.uid]);
    const options = { trustSecret: false, withEmptyVolumes: false };
    const again = await planSettlement(harness, 'adopt', present(picked[0]), all, options);
    expect(await harness.untilFinished(present(await again.begin()))).toMatchObject({ state: 'succeeded' });
    expect(await harness.binding(before)).toMatchObject({ state: 'bound' });
    expect((await harness.binding(before)).password.reveal()).toBe(before.password.reveal());
  });

  test('adopted while its instance still is has the time of both', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseBindingRow(binding);
    await confirm(...deliveryOf(binding));
    await harness.stopAll();
    await harness.query(`update service_instances set state = 'provisioning'`);
    const operation = present(await (await plan('adopt', { trustSecret: true })).begin());
    const { timeouts } = present(await harness.store.findRevision(instance.planRevision));
    const seconds = Math.round((Number(operation.deadline) - Number(operation.createdAt)) / 1000);
    expect(seconds).toBe(timeouts.bind + timeouts.provision);
  });

  test('is not adopted on the word of a Secret alone', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseBindingRow(binding);
    await confirm(...deliveryOf(binding));
    expect(await refusal(plan('adopt'))).toMatch(/could have made it up/);
    expect((await settle('adopt', { trustSecret: true })).state).toBe('succeeded');
  });

  test('that two Secrets claim to be is not adopted', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseBindingRow(binding);
    harness.cluster.addNamespace('mallory');
    const genuine = present(objectOf('Secret', binding.externalName));
    const copy = await harness.cluster.create({
      ...genuine,
      metadata: { ...genuine.metadata, namespace: 'mallory' },
      data: { password: Buffer.from('mallory').toString('base64') },
    });
    const [secret] = deliveryOf(binding);
    await confirm(
      { ...secret, objectUid: present(genuine.metadata.uid) },
      { ...secret, namespace: 'mallory', objectUid: present(copy.metadata.uid) },
    );
    await confirm(loginOf(binding));
    expect(await refusal(plan('adopt'))).toMatch(/Several objects claim/);
  });

  test('whose login a forged Secret claims as well is neither adopted nor removed, whatever is trusted', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseBindingRow(binding);
    harness.cluster.addNamespace('aaa-mallory');
    const genuine = present(objectOf('Secret', binding.externalName));
    const bindingUid = '11111111-1111-4111-8111-111111111111';
    const forged = await harness.cluster.create({
      ...genuine,
      metadata: {
        ...genuine.metadata,
        namespace: 'aaa-mallory',
        labels: { ...genuine.metadata.labels, [labelKeys.binding]: bindingUid },
      },
      data: { password: Buffer.from('mallory').toString('base64') },
    });
    const [secret] = deliveryOf(binding);
    await confirm(
      { ...secret, objectUid: present(genuine.metadata.uid) },
      { ...secret, namespace: 'aaa-mallory', objectUid: present(forged.metadata.uid), bindingUid },
    );
    await confirm(loginOf(binding));
    const orphans = await listOrphans(harness);
    const claims = orphans.filter(({ kind }) => kind === 'binding without row');
    expect(claims.map(({ findings }) => findings.length)).toEqual([1, 1]);
    const options = { trustSecret: true, withEmptyVolumes: false };
    for (const orphan of claims) {
      for (const action of ['adopt', 'remove'] as const) {
        const refused = await refusal(planSettlement(harness, action, orphan, orphans, options));
        const name = binding.externalName;
        expect(refused).toContain(`aaa-mallory/${name}, ${appNamespace}/${name}`);
      }
    }
    harness.cluster.vanish({
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: 'aaa-mallory',
      name: binding.externalName,
    });
    const own = present(claims.find((each) => each.bindingUid === binding.uid));
    await planSettlement(harness, 'adopt', own, orphans, options);
  });

  test('is removed: its login dies, and what was delivered goes', async () => {
    const instance = await readyInstance();
    const [binding, other] = [await boundBinding(instance), await boundBinding(instance)];
    await loseBindingRow(binding);
    await confirm(...deliveryOf(binding));
    expect(await settle('remove')).toMatchObject({ type: 'unbind', state: 'succeeded' });
    expect(harness.provider.logins).toEqual(new Set([other.externalName]));
    expect(objectOf('Secret', binding.externalName)).toBeUndefined();
    expect(objectOf('ConfigMap', binding.externalName)).toBeUndefined();
    expect(objectOf('Secret', other.externalName)).toBeDefined();
  });

  test('of an instance without a row waits for that one', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseRow(instance);
    await confirm(...deliveryOf(binding));
    for (const action of ['adopt', 'remove'] as const) {
      expect(await refusal(plan(action))).toMatch(/The instance of this binding has no row either/);
    }
  });

  test('of which only the login is left is removed', async () => {
    const instance = await readyInstance();
    const binding = await boundBinding(instance);
    await loseBindingRow(binding);
    await confirm(loginOf(binding));
    expect(await refusal(plan('adopt'))).toMatch(/is not settled by `adopt`/);
    await settle('remove');
    expect(harness.provider.logins).toEqual(new Set());
  });
});

describe('a row of which something is gone', () => {
  test('a binding is made again, with its password', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const before = objectOf('Secret', binding.externalName);
    const [secret = {}] = deliveryOf(binding);
    const reference = {
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: appNamespace,
      name: binding.externalName,
    };
    harness.cluster.vanish(reference);
    harness.provider.logins.clear();
    await confirm({ ...secret, kind: 'row without object' });
    expect(await settle('recreate')).toMatchObject({ type: 'bind', state: 'succeeded' });
    expect(objectOf('Secret', binding.externalName)?.data).toEqual(before?.data);
    expect(harness.provider.logins).toEqual(new Set([binding.externalName]));
    expect((await harness.binding(binding)).state).toBe('bound');
  });

  test('a binding whose time is up is not made again', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [secret = {}] = deliveryOf(binding);
    harness.cluster.vanish({ ...secretKind, namespace: appNamespace, name: binding.externalName });
    await harness.query(`update service_bindings set expires_at = now() - interval '1 second'`);
    await confirm({ ...secret, kind: 'row without object' });
    expect(await refusal(plan('recreate'))).toMatch(/expired at .* Bind anew/);
    expect((await settle('remove')).state).toBe('succeeded');
  });

  test('a binding that could not be made again stays bound, and no sweep takes its login', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [, configMap = {}] = deliveryOf(binding);
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', namespace: appNamespace };
    harness.cluster.vanish({ ...reference, name: binding.externalName });
    await confirm({ ...configMap, kind: 'row without object' });
    harness.provider.before = (verb) => {
      if (verb === 'create') throw new ChandlerError('CredentialsRejected');
    };
    expect(await settle('recreate')).toMatchObject({ type: 'bind', state: 'failed' });
    expect((await harness.binding(binding)).state).toBe('bound');

    await harness.query(`update service_bindings set updated_at = updated_at - interval '1 hour'`);
    await runSweeps(harness.newDeps(), [leftoverSweep()]);
    expect(harness.provider.logins).toEqual(new Set([binding.externalName]));
    expect(objectOf('Secret', binding.externalName)).toBeDefined();
  });

  test('a binding that a deprovision caught being made again stays bound when that one fails', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [secret = {}] = deliveryOf(binding);
    harness.cluster.vanish({ ...secretKind, namespace: appNamespace, name: binding.externalName });
    await confirm({ ...secret, kind: 'row without object' });
    harness.provider.before = (verb) => {
      if (verb === 'create') throw new ChandlerError('ServerUnreachable');
    };
    const binds = await (await plan('recreate')).begin();
    await harness.cluster.create({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: { name: 'somebodys', namespace: instance.namespace },
    });
    const deprovisioned = await harness.untilFinished(await harness.deprovision(instance));
    expect([deprovisioned.state, (await harness.untilFinished(present(binds))).state]).toEqual([
      'failed',
      'failed',
    ]);
    expect((await harness.binding(binding)).state).toBe('bound');
  });

  test('a binding is unbound', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [secret = {}] = deliveryOf(binding);
    harness.cluster.vanish({ ...secretKind, namespace: appNamespace, name: binding.externalName });
    await confirm({ ...secret, kind: 'row without object' });
    await settle('remove');
    expect((await harness.binding(binding)).state).toBe('unbound');
    expect(harness.provider.logins).toEqual(new Set());
  });

  test('an instance is repaired, and a volume that is gone is not made anew unless told so', async () => {
    const instance = await readyInstance();
    const standing = uids();
    const [service, claim] = ['Service', 'PersistentVolumeClaim'].map((kind) => ({
      ...{ apiVersion: 'v1', kind, namespace: instance.namespace, name: `${instance.externalName}-server` },
    }));
    harness.cluster.vanish(present(service));
    const { namespace, name } = present(service);
    await confirm({
      ...{ kind: 'row without object', objectKind: 'Service', namespace, name },
      instanceUid: instance.uid,
    });
    expect(await settle('recreate')).toMatchObject({ type: 'repair', state: 'succeeded' });
    expect(uids()).toHaveLength(standing.length);

    harness.cluster.vanish(present(claim));
    await confirm({
      ...{ kind: 'row without object', objectKind: 'PersistentVolumeClaim', namespace, name },
      instanceUid: instance.uid,
    });
    expect(await settle('recreate')).toMatchObject({ type: 'repair', state: 'failed' });
    expect(uids()).toHaveLength(standing.length - 1);
    expect(await settle('recreate', { withEmptyVolumes: true })).toMatchObject({ state: 'succeeded' });
    expect(uids()).toHaveLength(standing.length);
    expect((await harness.instance(instance)).state).toBe('ready');
  });

  test('an instance is deprovisioned, although nothing of it is left', async () => {
    const instance = await readyInstance();
    await confirm({ ...namespaceOf(instance), kind: 'row without object' });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: instance.namespace };
    await harness.cluster.delete(namespace, { uid: uidOf('Namespace', instance.namespace) });
    expect(await settle('remove')).toMatchObject({ type: 'deprovision', state: 'succeeded' });
    expect((await harness.instance(instance)).state).toBe('deprovisioned');
  });

  test('an instance that was made whole meanwhile is neither removed nor repaired', async () => {
    const instance = await readyInstance();
    const service = {
      ...{ apiVersion: 'v1', kind: 'Service', namespace: instance.namespace },
      name: `${instance.externalName}-server`,
    };
    const { kind: objectKind, ...place } = service;
    const found = { ...place, objectKind, instanceUid: instance.uid, kind: 'row without object' as const };
    harness.cluster.vanish(service);
    await confirm(found);
    const planned = [await plan('remove'), await plan('recreate')];
    await harness.untilFinished(await harness.repair(instance));
    for (const { begin } of planned) expect(await refusal(begin())).toMatch(/Nothing is gone any more/);
    harness.cluster.vanish(service);
    for (const { begin } of planned) {
      expect(await refusal(begin())).toMatch(/A repair succeeded after a sweep saw this last/);
    }
    await harness.store.findings.record({ cluster: 'local', kinds: ['row without object'] }, []);
    for (const { begin } of planned) expect(await refusal(begin())).toMatch(/The finding is gone/);
    expect((await harness.instance(instance)).state).toBe('ready');
  });

  test('a binding that was made whole meanwhile is neither removed nor bound again', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [secret = {}] = deliveryOf(binding);
    await confirm({ ...secret, kind: 'row without object' });
    for (const action of ['remove', 'recreate'] as const) {
      expect(await refusal(plan(action))).toMatch(/Nothing is gone any more: Secret/);
    }
    expect((await harness.binding(binding)).state).toBe('bound');
  });

  test('is left alone while an operation is at work on it', async () => {
    const instance = await readyInstance();
    const binding = await unmendedBinding(instance);
    const [secret = {}] = deliveryOf(binding);
    harness.cluster.vanish({ ...secretKind, namespace: appNamespace, name: binding.externalName });
    await confirm({ ...secret, kind: 'row without object' });
    const settlement = await plan('recreate');
    await harness.stopAll();
    await harness.deprovision(instance);
    expect(await refusal(settlement.begin())).toMatch(/A deprovision is in progress/);
  });
});

test('a stray object goes by its uid, and not when another took its place', async () => {
  const instance = await readyInstance();
  const stray = {
    ...{ apiVersion: 'v1', kind: 'Secret' },
    metadata: {
      ...{ name: 'stray', namespace: instance.namespace },
      labels: {
        [labelKeys.installation]: harness.store.installationId,
        [labelKeys.instance]: instance.uid,
      },
    },
  };
  await harness.cluster.create(stray);
  const finding = { namespace: instance.namespace, name: 'stray', instanceUid: instance.uid };
  await confirm({ ...finding, objectUid: uidOf('Secret', 'stray') });
  const settlement = await plan('remove');
  harness.cluster.vanish({ apiVersion: 'v1', kind: 'Secret', namespace: instance.namespace, name: 'stray' });
  await harness.cluster.create(stray);
  expect(await refusal(settlement.begin())).toMatch(/is another one by now/);
  await confirm({ ...finding, objectUid: uidOf('Secret', 'stray') });
  expect(await (await plan('remove')).begin()).toBeUndefined();
  expect(objectOf('Secret', 'stray')).toBeUndefined();
});

test('ids may be shortened, as long as they name one', async () => {
  const instance = await readyInstance();
  const binding = await boundBinding(instance);
  await confirm(...deliveryOf(binding).map((each) => ({ ...each, kind: 'row without object' as const })));
  const [orphan] = await listOrphans(harness);
  const other = present(orphan?.findings[1]).uid;
  const { picked } = await pickOrphans(harness, [other.slice(0, 8), present(orphan).id]);
  expect(picked.map(({ id }) => id)).toEqual([orphan?.id]);
  await expect(pickOrphans(harness, ['ffffffff'])).rejects.toThrow(/There is no finding ffffffff/);
  await expect(pickOrphans(harness, [''])).rejects.toThrow(OrphanRefused);
});
