import { describe, expect, test } from 'vitest';
import { labelKeys } from '../../lib/labels.ts';
import type { LabelledObject } from '../../provisioners/labelled-objects.ts';
import type { ClusterRows, SweptBinding, SweptInstance } from '../../store/sweep-types.ts';
import { findingsOf, findMissing, partStragglers, unexplained } from './explain.ts';
import { explainLogins } from './explain-logins.ts';

const cluster = 'local';

function instance(values: Partial<SweptInstance> = {}): SweptInstance {
  return {
    ...{ uid: 'instance', state: 'ready', externalName: 'i-one', cluster, namespace: 'i-one' },
    ...{ busy: false, settled: true },
    ...values,
  };
}

function binding(values: Partial<SweptBinding> = {}): SweptBinding {
  return {
    ...{ uid: 'binding', instanceUid: 'instance', state: 'bound', externalName: 'b-one' },
    ...{ delivery: { cluster, namespace: 'app' }, busy: false, settled: true, expired: false },
    ...values,
  };
}

function object(
  values: Partial<LabelledObject> & { instance?: string; binding?: string } = {},
): LabelledObject {
  const { instance: ofInstance = 'instance', binding: ofBinding, ...rest } = values;
  return {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'i-one', name: 'one', uid: 'uid' },
    ...{ owned: false, terminating: false },
    labels: {
      [labelKeys.instance]: ofInstance,
      ...(ofBinding === undefined ? {} : { [labelKeys.binding]: ofBinding }),
    },
    ...rest,
  };
}

const item = {
  ...{ instanceUid: 'instance', apiVersion: 'v1', kind: 'ConfigMap', namespace: 'i-one', name: 'one' },
  resourceId: 'server',
};
const rowsWith = (values: Partial<ClusterRows> = {}): ClusterRows => ({
  ...{ instances: [instance()], bindings: [], items: [] },
  ...values,
});
const secret = { kind: 'Secret', namespace: 'app', name: 'b-one', binding: 'binding' };

describe('an object is explained', () => {
  test.each<[string, LabelledObject, ClusterRows]>([
    ['by an inventory that knows its uid', object(), rowsWith({ items: [{ ...item, objectUid: 'uid' }] })],
    [
      'by its uid, whatever the labels say',
      object({ instance: 'x', namespace: 'y' }),
      rowsWith({ items: [{ ...item, objectUid: 'uid' }] }),
    ],
    ['by an item that is about to be applied', object(), rowsWith({ items: [item] })],
    ['by a binding that delivers it', object(secret), rowsWith({ bindings: [binding()] })],
    [
      'by a binding that failed, until that is taken back',
      object(secret),
      rowsWith({ bindings: [binding({ state: 'bind failed' })] }),
    ],
    ['by its owner', object({ owned: true, kind: 'Pod' }), rowsWith()],
    ['as a claim that a controller made', object({ kind: 'PersistentVolumeClaim' }), rowsWith()],
    [
      'by an operation on its instance',
      object({ namespace: 'anywhere' }),
      rowsWith({ instances: [instance({ busy: true })] }),
    ],
    [
      'by an operation on its binding',
      object({ ...secret, namespace: 'anywhere' }),
      rowsWith({ bindings: [binding({ busy: true })] }),
    ],
  ])('%s', (_, seen, rows) => expect(unexplained([seen], rows, cluster)).toEqual([]));
});

describe('an object is not explained', () => {
  test.each<[string, LabelledObject, ClusterRows]>([
    ['by the label of a live instance alone', object(), rowsWith()],
    ['where no instance has its label', object({ instance: 'nobody' }), rowsWith({ items: [item] })],
    ['without a label of an instance', object({ labels: {} } as Partial<LabelledObject>), rowsWith()],
    [
      'by an item that another object has become',
      object(),
      rowsWith({ items: [{ ...item, objectUid: 'older' }] }),
    ],
    [
      'by what another instance is about to apply',
      object({ instance: 'other' }),
      rowsWith({ instances: [instance(), instance({ uid: 'other' })], items: [item] }),
    ],
    [
      'as a claim in a foreign namespace',
      object({ kind: 'PersistentVolumeClaim', namespace: 'app' }),
      rowsWith(),
    ],
    [
      'by a binding that delivers elsewhere',
      object({ ...secret, namespace: 'other' }),
      rowsWith({ bindings: [binding()] }),
    ],
    [
      'by a binding that delivers to another cluster',
      object(secret),
      rowsWith({ bindings: [binding({ delivery: { cluster: 'x', namespace: 'app' } })] }),
    ],
    [
      'by a binding of another instance',
      object({ ...secret, instance: 'other' }),
      rowsWith({ instances: [instance(), instance({ uid: 'other' })], bindings: [binding()] }),
    ],
    [
      "by the operation of another instance's binding",
      object({ ...secret, instance: 'other' }),
      rowsWith({ instances: [instance(), instance({ uid: 'other' })], bindings: [binding({ busy: true })] }),
    ],
    [
      'as another kind that is named like a delivery',
      object({ ...secret, kind: 'Service' }),
      rowsWith({ bindings: [binding()] }),
    ],
  ])('%s', (_, seen, rows) => expect(unexplained([seen], rows, cluster)).toEqual([seen]));
});

describe('of what nothing explains', () => {
  const gone = instance({ state: 'deprovisioned' });
  const unbound = binding({ state: 'unbound' });
  test.each<[string, 'straggler' | 'too early' | 'strange', LabelledObject, SweptInstance[], SweptBinding[]]>(
    [
      [
        'the namespace of a tombstone',
        'straggler',
        object({ kind: 'Namespace', namespace: '', name: 'i-one' }),
        [gone],
        [],
      ],
      ['an object in that namespace', 'straggler', object(), [gone], []],
      [
        'an object elsewhere that is named after it',
        'straggler',
        object({ namespace: 'app', name: 'i-one-server' }),
        [gone],
        [],
      ],
      ['an object of an unsettled tombstone', 'too early', object(), [{ ...gone, settled: false }], []],
      ['an object elsewhere of another name', 'strange', object({ namespace: 'app' }), [gone], []],
      ['a name that only begins alike', 'strange', object({ namespace: 'app', name: 'i-one2' }), [gone], []],
      [
        'another namespace',
        'strange',
        object({ kind: 'Namespace', namespace: '', name: 'team' }),
        [gone],
        [],
      ],
      ['an object of a tombstone of another cluster', 'strange', object(), [{ ...gone, cluster: 'far' }], []],
      ['a delivery of an unbound binding', 'straggler', object(secret), [], [unbound]],
      [
        'a delivery of a binding unbound just now',
        'too early',
        object(secret),
        [],
        [{ ...unbound, settled: false }],
      ],
      ['a delivery in another namespace', 'strange', object({ ...secret, namespace: 'x' }), [], [unbound]],
      ['a delivery by another name', 'strange', object({ ...secret, name: 'b-two' }), [], [unbound]],
      [
        'a delivery with the label of another instance',
        'strange',
        object({ ...secret, instance: 'x' }),
        [],
        [unbound],
      ],
      ['a delivery of a binding whose instance is gone too', 'straggler', object(secret), [gone], [unbound]],
      ['an object of nobody', 'strange', object({ instance: '' }), [], []],
    ],
  )('%s is: %s', (_, verdict, seen, instances, bindings) => {
    const { stragglers, strange } = partStragglers([seen], { instances, bindings }, cluster);
    const [left, unknown] = [stragglers.length, strange.length];
    expect({ left, unknown }).toEqual({
      left: verdict === 'straggler' ? 1 : 0,
      unknown: verdict === 'strange' ? 1 : 0,
    });
  });

  test('what lies in a namespace that is told of is only counted, if it belongs to the same instance', () => {
    const found = findingsOf(
      [
        object({ kind: 'Namespace', namespace: '', name: 'lost', instance: 'x' }),
        object({ namespace: 'lost', name: 'one', instance: 'x' }),
        object({ namespace: 'lost', name: 'two', instance: 'x' }),
        object({ namespace: 'lost', name: 'three', instance: 'y' }),
      ],
      rowsWith(),
      cluster,
    );
    expect(found.map(({ name }) => name)).toEqual(['lost', 'three']);
    expect(found[0]?.detail).toContain('2 more');
  });
});

describe('a row misses its object', () => {
  const applied = { ...item, objectUid: 'uid' };
  const named = (rows: ClusterRows, seen: LabelledObject[] = []) =>
    findMissing(seen, rows, cluster).map(({ kind, name }) => `${kind} ${name}`);

  test.each(['ready', 'update failed', 'deprovision failed'] as const)('of an instance that is %s', (state) =>
    expect(named(rowsWith({ instances: [instance({ state })], items: [applied] }))).toEqual([
      'ConfigMap one',
    ]),
  );
  test('when another object has its place', () =>
    expect(named(rowsWith({ items: [applied] }), [object({ uid: 'other' })])).toEqual(['ConfigMap one']));
  test('when a delivery of a binding in use is gone, or is that of another', () =>
    expect(named(rowsWith({ bindings: [binding()] }), [object({ ...secret, binding: 'x' })])).toEqual([
      'Secret b-one',
      'ConfigMap b-one',
    ]));

  test.each<[string, ClusterRows]>([
    ['it is there', rowsWith()],
    ['it was never applied', rowsWith({ items: [item] })],
    [
      'an operation is at work',
      rowsWith({ instances: [instance({ busy: true })], items: [applied], bindings: [binding()] }),
    ],
    [
      'the instance is being made',
      rowsWith({ instances: [instance({ state: 'provisioning' })], items: [applied] }),
    ],
    [
      'its provision failed',
      rowsWith({ instances: [instance({ state: 'provision failed' })], items: [applied] }),
    ],
    ['the binding is not in use', rowsWith({ bindings: [binding({ state: 'unbind failed' })] })],
    ['the binding has an operation', rowsWith({ bindings: [binding({ busy: true })] })],
    ['the time of the binding is up', rowsWith({ bindings: [binding({ expired: true })] })],
    [
      'the binding delivers to another cluster',
      rowsWith({ bindings: [binding({ delivery: { cluster: 'x', namespace: 'app' } })] }),
    ],
  ])('not when %s', (_, rows) => expect(named(rows)).toEqual([]));
});

describe('logins', () => {
  const name = (external: string) => external.replace('-', '_');
  const explained = (logins: string[], values: Partial<SweptBinding>) => {
    const { strange, stragglers, missing } = explainLogins(logins, [binding(values)], name);
    return [strange, stragglers.map(({ uid }) => uid), missing.map(({ uid }) => uid)];
  };
  test.each<[string, string[], Partial<SweptBinding>, string[][]]>([
    ['of a binding in use are explained', ['b_one'], {}, [[], [], []]],
    [
      'of a binding that is being made are explained',
      ['b_one'],
      { state: 'binding', busy: true },
      [[], [], []],
    ],
    ['that nobody knows are strange', ['b_one', 'b_two'], {}, [['b_two'], [], []]],
    [
      'of an unbound binding are left by a late worker',
      ['b_one'],
      { state: 'unbound' },
      [[], ['binding'], []],
    ],
    [
      'of a binding unbound just now are nothing yet',
      ['b_one'],
      { state: 'unbound', settled: false },
      [[], [], []],
    ],
    ['of a binding in use can be missing', [], {}, [[], [], ['binding']]],
    ['of a binding that expired are not missed', [], { expired: true }, [[], [], []]],
    ['of a binding with an operation are not missed', [], { busy: true }, [[], [], []]],
    ['of a binding that failed are not missed', [], { state: 'bind failed' }, [[], [], []]],
  ])('%s', (_, logins, values, expected) => expect(explained(logins, values)).toEqual(expected));
});
