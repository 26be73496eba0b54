import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import { openTestStore, type TestStore } from '../../test/support/store.ts';
import type { NewFinding } from './types.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
});
afterAll(() => opened?.close());
beforeEach(() => queryDatabase(opened.url, 'truncate findings'));

const orphan: NewFinding = {
  kind: 'object without row',
  cluster: 'local',
  apiVersion: 'v1',
  objectKind: 'Secret',
  namespace: 'app',
  name: 'left',
  objectUid: 'uid-1',
  detail: 'no row explains it',
};
const scope = { cluster: 'local', kinds: ['object without row'] } as const;

describe('what a look finds', () => {
  test('is written down once, and keeps when it was first seen', async () => {
    const [first] = await opened.store.findings.record(scope, [orphan]);
    const [again] = await opened.store.findings.record(scope, [{ ...orphan, detail: 'still there' }]);
    expect(again).toMatchObject({ uid: first?.uid, firstSeenAt: first?.firstSeenAt, detail: 'still there' });
    expect(await opened.store.findings.list()).toEqual([again]);
  });

  test('is forgotten when the next look of the same scope no longer sees it, and only then', async () => {
    await opened.store.findings.record(scope, [orphan]);
    await opened.store.findings.record({ cluster: 'local', kinds: ['drift'] }, []);
    await opened.store.findings.record({ cluster: 'other', kinds: ['object without row'] }, []);
    await opened.store.findings.record({ ...scope, instanceUids: ['another'] }, []);
    expect(await opened.store.findings.list()).toHaveLength(1);
    await opened.store.findings.record(scope, []);
    expect(await opened.store.findings.list()).toEqual([]);
  });

  test('is confirmed by a second look after the time of grace, not by the first alone', async () => {
    await opened.store.findings.record(scope, [orphan]);
    expect(await opened.store.findings.quarantine(scope.kinds, 0)).toEqual([]);
    await opened.store.findings.record(scope, [orphan]);
    expect(await opened.store.findings.quarantine(scope.kinds, 3600)).toEqual([]);
    expect(await opened.store.findings.quarantine(['drift'], 0)).toEqual([]);
    expect(await opened.store.findings.quarantine(scope.kinds, 0)).toMatchObject([{ name: 'left' }]);
    expect(await opened.store.findings.quarantine(scope.kinds, 0)).toEqual([]);
  });

  test('begins anew when another object stands under the same name', async () => {
    await opened.store.findings.record(scope, [orphan]);
    await opened.store.findings.record(scope, [orphan]);
    await opened.store.findings.quarantine(scope.kinds, 0);
    const [replaced] = await opened.store.findings.record(scope, [{ ...orphan, objectUid: 'uid-2' }]);
    expect(replaced?.quarantinedAt).toBeUndefined();
    expect(await opened.store.findings.quarantine(scope.kinds, 0)).toEqual([]);
  });

  test('is found and forgotten by its uid', async () => {
    const [{ uid = '' } = {}] = await opened.store.findings.record(scope, [orphan]);
    expect(await opened.store.findings.find(uid)).toMatchObject({ name: 'left' });
    expect(await opened.store.findings.find('no uuid')).toBeUndefined();
    await opened.store.findings.forget(uid);
    expect(await opened.store.findings.find(uid)).toBeUndefined();
  });
});
