import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RecordedEvent, recordingEvents } from '../../test/support/recording-events.ts';
import { useCatalogFolder } from '../catalog/catalog-fixture.ts';
import { createHelm } from '../helm/create-helm.ts';
import { testHelmPath } from '../helm/test-helm.ts';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { lookForKinds } from './look-for-kinds.ts';

const folder = useCatalogFolder({ beforeEach, afterEach });
const kind = { apiVersion: 'db.example.com/v1', kind: 'Database' };
let cluster: FakeCluster;
let recorded: RecordedEvent[];
beforeEach(() => {
  cluster = new FakeCluster();
  recorded = [];
});
afterEach(() => cluster.close());

async function look() {
  const resources = ['a', 'b'].map((id) => ({ id, manifest: kind, readyWhen: [`\${${id}.status.ready}`] }));
  const catalog = await folder.loadWith({
    resources,
    outputs: null,
    bind: null,
    plans: ['small', 'large'].map((name) => ({ id: name, name, description: name })),
  });
  const helm = createHelm({ helmPath: await testHelmPath() });
  return lookForKinds({ catalog, cluster, helm, events: recordingEvents(recorded) });
}

test('a broker tells once of each kind that its cluster lacks, with the plans that need it', async () => {
  const stop = await look();
  await expect.poll(() => recorded).toHaveLength(1);
  await stop();
  expect(recorded).toEqual([
    {
      name: 'kindMissing',
      fields: { cluster: 'fake', ...kind, plans: ['database/small', 'database/large'] },
    },
  ]);
});

test('it tells nothing of kinds that are there', async () => {
  cluster.addKind(kind, { namespaced: true });
  const stop = await look();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  expect(recorded).toEqual([]);
});

test('it waits for a cluster that does not answer, and ends at once when the broker does', async () => {
  cluster.isReady = false;
  const stop = await look();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stop();
  expect(recorded).toEqual([]);
});
