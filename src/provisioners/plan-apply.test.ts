import { describe, expect, it } from 'vitest';
import { objectDigest } from './apply-object.ts';
import { planApply } from './plan-apply.ts';
import type { DesiredObject } from './types.ts';

function desired(kind: string, name: string, extra: object = {}): DesiredObject {
  return {
    resourceId: 'server',
    object: { apiVersion: 'v1', kind, metadata: { name, namespace: 'n' }, ...extra },
  };
}

function known(entry: DesiredObject, objectUid?: string) {
  return {
    apiVersion: 'v1',
    kind: entry.object.kind,
    namespace: 'n',
    name: entry.object.metadata.name,
    ...(objectUid === undefined ? {} : { objectUid, appliedDigest: objectDigest(entry.object) }),
  };
}

describe('planApply', () => {
  it('applies what was never applied, workloads last and what they need first', () => {
    const { apply } = planApply(
      [
        desired('StatefulSet', 'a'),
        desired('Service', 'a'),
        desired('ConfigMap', 'a'),
        desired('NetworkPolicy', 'a'),
      ],
      [],
    );
    expect(apply.map(({ desired: { object } }) => object.kind)).toEqual([
      'NetworkPolicy',
      'ConfigMap',
      'Service',
      'StatefulSet',
    ]);
  });

  it('leaves alone what is applied already', () => {
    const entry = desired('Service', 'a');
    expect(planApply([entry], [known(entry, 'uid-1')])).toEqual({ apply: [], prune: [], outdated: [] });
  });

  it('applies a change under the uid of the inventory, so that a deleted object is not resurrected', () => {
    const entry = desired('Service', 'a');
    const changed = desired('Service', 'a', { spec: { ports: [] } });
    expect(planApply([changed], [known(entry, 'uid-1')]).apply).toEqual([
      { desired: changed, knownUid: 'uid-1' },
    ]);
  });

  it('applies again what was planned but never confirmed', () => {
    const entry = desired('Service', 'a');
    expect(planApply([entry], [known(entry)]).apply).toEqual([{ desired: entry }]);
  });

  it('takes an object in another version of its kind for the same one', () => {
    const entry = desired('Cluster', 'a');
    const old = { ...known(entry, 'uid-1'), apiVersion: 'db.example.com/v1beta1' };
    const next = { ...entry, object: { ...entry.object, apiVersion: 'db.example.com/v1' } };
    expect(planApply([next], [old])).toEqual({
      ...{ apply: [{ desired: next, knownUid: 'uid-1' }], prune: [], outdated: [old] },
    });
  });

  it('prunes what the resource no longer has', () => {
    const stays = desired('Service', 'a');
    const goes = known(desired('ConfigMap', 'old'), 'uid-2');
    expect(planApply([stays], [known(stays, 'uid-1'), goes]).prune).toEqual([goes]);
  });
});
