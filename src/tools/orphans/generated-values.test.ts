// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { expect, test } from 'vitest';
import { testRevision } from '../../../test/support/store.ts';
import { FakeCluster } from '../../kube/fake-cluster.ts';
import { readGenerated, sourcesOf } from './generated-values.ts';

const secret = (data: Record<string, string>) => ({
  id: 'admin',
  kind: 'secret' as const,
  data,
  readyWhen: [],
});

test('a value can be read back from a text that is nothing but it', () => {
  const data = {
    ...{ exact: '${generated.admin.password}', spaced: '${ generated.other.password }' },
    ...{ within: 'x${generated.lost.password}', twice: '${generated.a.password}${generated.b.password}' },
    ...{ computed: '${generated.admin.password + "x"}', fixed: 'admin' },
  };
  expect(sourcesOf({ resources: [secret(data)] })).toEqual([
    { generator: 'admin', resourceId: 'admin', key: 'exact' },
    { generator: 'other', resourceId: 'admin', key: 'spaced' },
  ]);
});

test('a plan that keeps a value in no Secret of its own is refused', async () => {
  const revision = {
    ...testRevision,
    generate: { admin: { password: { length: 32 } } },
    resources: [secret({ url: 'postgres://:${generated.admin.password}@host' })],
  };
  const names = { externalName: 'i-a', namespace: 'i-a' };
  await expect(readGenerated(new FakeCluster(), revision, names)).rejects.toThrow(
    /keeps its generated value "admin" in no Secret of its own/,
  );
});
