import { expect, it } from 'vitest';
import { decideRelease, type ReleaseRecord } from './release-records.ts';

const record = (version: number, status: string, digest = 'now'): ReleaseRecord => ({
  name: `v${version}`,
  uid: `uid-${version}`,
  version,
  status,
  digest,
});

it('leaves alone what helm has deployed with just this, however it came to that', () => {
  expect(decideRelease([record(1, 'superseded', 'old'), record(2, 'deployed')], 'now')).toEqual({
    kind: 'done',
  });
});

it.each([
  ['nothing', []],
  ['an older release', [record(1, 'deployed', 'old')]],
  ['a failed one', [record(1, 'deployed', 'old'), record(2, 'failed')]],
  ['one that failed from the beginning', [record(1, 'failed')]],
])('runs helm on %s, which unlocks nothing', (_, records) => {
  expect(decideRelease(records, 'now')).toEqual({ kind: 'run', locks: [] });
});

it.each(['pending-install', 'pending-upgrade', 'pending-rollback', 'uninstalling', 'unknown'])(
  'takes a record %s for the lock of a helm that was killed, also with the digest that is wanted',
  (status) => {
    const locked = record(2, status);
    expect(decideRelease([record(1, 'deployed', 'old'), locked], 'now')).toEqual({
      kind: 'run',
      locks: [locked],
    });
  },
);
