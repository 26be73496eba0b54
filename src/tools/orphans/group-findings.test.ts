import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ServiceBinding } from '../../domain/binding.ts';
import type { ServiceInstance } from '../../domain/instance.ts';
import type { Finding } from '../../store/types.ts';
import { groupFindings } from './group-findings.ts';

const [at, later] = [new Date(1_000_000), new Date(2_000_000)];
const live = { uid: 'live', state: 'ready', createdAt: new Date(0) } as ServiceInstance;
const gone = { uid: 'gone', state: 'deprovisioned', createdAt: new Date(0) } as ServiceInstance;
const bound = { uid: 'bound', instanceUid: 'live', state: 'bound', createdAt: new Date(0) } as ServiceBinding;

const rows = (instances: ServiceInstance[] = [live, gone], bindings: ServiceBinding[] = [bound]) => ({
  findInstanceByUid: (uid: string) => Promise.resolve(instances.find((each) => each.uid === uid)),
  findBindingByUid: (uid: string) => Promise.resolve(bindings.find((each) => each.uid === uid)),
});

function finding(values: Partial<Finding>): Finding {
  return {
    ...{
      uid: randomUUID(),
      kind: 'object without row',
      cluster: 'local',
      apiVersion: 'v1',
      objectKind: 'Secret',
    },
    ...{ namespace: 'n', name: 'x', detail: '', firstSeenAt: at, lastSeenAt: at, quarantinedAt: at },
    ...values,
  };
}

const login = (values: Partial<Finding>) =>
  finding({ kind: 'login without row', objectKind: 'login', ...values });
const kinds = async (...findings: Finding[]) =>
  (await groupFindings(findings, rows())).map(({ kind, findings: own }) => `${kind} ${own.length}`);

test.each<[string, Partial<Finding>, string]>([
  ['an object of an unknown instance', { instanceUid: 'lost' }, 'instance without row 1'],
  ['an object of an unknown binding', { instanceUid: 'live', bindingUid: 'lost' }, 'binding without row 1'],
  ['also of an unknown instance', { instanceUid: 'lost', bindingUid: 'lost' }, 'binding without row 1'],
  ['an object of a live instance', { instanceUid: 'live' }, 'stray object 1'],
  ['an object of a live binding', { instanceUid: 'live', bindingUid: 'bound' }, 'stray object 1'],
  ['an object of one that is gone', { instanceUid: 'gone', bindingUid: 'lost' }, 'stray object 1'],
  ['an object without a label', {}, 'stray object 1'],
  ['a missing object', { kind: 'row without object', instanceUid: 'live' }, 'instance without object 1'],
  [
    'a missing login',
    { kind: 'row without login', instanceUid: 'live', bindingUid: 'bound' },
    'binding without object 1',
  ],
  ['a changed object', { kind: 'drift', instanceUid: 'live' }, 'drift 1'],
])('%s', async (_what, values, expected) => {
  expect(await kinds(finding(values))).toEqual([expected]);
});

test('what is settled together is one', async () => {
  const lost = { instanceUid: 'lost' };
  expect(await kinds(finding(lost), finding({ ...lost, name: 'y' }))).toEqual(['instance without row 2']);
  const row = { instanceUid: 'live', bindingUid: 'bound' };
  expect(
    await kinds(
      finding({ kind: 'drift', ...row }),
      finding({ kind: 'row without object', ...row }),
      finding({ kind: 'row without login', ...row }),
    ),
  ).toEqual(['binding without object 3']);
});

test('a login belongs to what was delivered under its name for the same instance', async () => {
  const delivered = { instanceUid: 'live', bindingUid: 'lost', name: 'b-abc' };
  expect(
    await kinds(
      login({ name: 'b_abc', instanceUid: 'live' }),
      finding(delivered),
      login({ name: 'b_abc', instanceUid: 'other' }),
      login({ name: 'b_abd', instanceUid: 'live' }),
    ),
  ).toEqual(['binding without row 2', 'login without row 1', 'login without row 1']);
});

test('what got its row since the last sweep is being settled, and is not named', async () => {
  const adopted = { ...live, createdAt: later };
  const stale = finding({ instanceUid: 'live' });
  expect(await groupFindings([stale], rows([adopted]))).toEqual([]);
  expect(
    await groupFindings([finding({ instanceUid: 'live', lastSeenAt: later })], rows([adopted])),
  ).toHaveLength(1);
});

test('is confirmed when any of it is, and goes by what tells most', async () => {
  const { quarantinedAt: _none, ...open } = finding({ instanceUid: 'lost', objectKind: 'Service' });
  const namespace = finding({ instanceUid: 'lost', objectKind: 'Namespace', firstSeenAt: later });
  const [orphan] = await groupFindings([open, namespace], rows());
  expect(orphan).toMatchObject({ id: namespace.uid, confirmed: true, firstSeenAt: at });
  expect(await groupFindings([open], rows())).toMatchObject([{ id: open.uid, confirmed: false }]);
});

test('a login that two bindings claim belongs to neither', async () => {
  const claim = { instanceUid: 'live', name: 'b-abc' };
  expect(
    await kinds(
      finding({ ...claim, bindingUid: 'lost' }),
      finding({ ...claim, bindingUid: 'forged', namespace: 'mallory' }),
      login({ instanceUid: 'live', name: 'b_abc' }),
    ),
  ).toEqual(['binding without row 1', 'binding without row 1', 'login without row 1']);
});
