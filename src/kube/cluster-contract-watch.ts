/** The part of the cluster contract that is about watches. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContractCase, configMap, configMapKind, eventually } from './cluster-contract-tools.ts';
import { KubeError, type KubeObject, type WatchListener } from './types.ts';

/** Writes down in order what a watch tells, for example `sync one,two` and `ADDED three`. */
function recorder(): { listener: WatchListener; log: string[]; objects: KubeObject[] } {
  const log: string[] = [];
  const objects: KubeObject[] = [];
  const listener: WatchListener = {
    onSync: (found) => {
      objects.push(...found);
      log.push(
        `sync ${found
          .map((each) => each.metadata.name)
          .sort()
          .join()}`,
      );
    },
    onChange: ({ type, object }) => {
      objects.push(object);
      log.push(`${type} ${object.metadata.name}`);
    },
    onBreak: (cause) => {
      log.push(`break ${cause instanceof KubeError ? cause.reason : String(cause)}`);
    },
  };
  return { listener, log, objects };
}

export const watchContract: ContractCase[] = [
  {
    name: 'watches: first all there is, then each change in order, then silence after the stop',
    async run(context) {
      const { cluster, namespace } = context;
      const labelSelector = `chandler.dev/contract=${namespace}`;
      await cluster.create(configMap(context, 'early'));
      const { listener, log } = recorder();
      const stop = cluster.watch(configMapKind, { labelSelector, metadataOnly: false }, listener);
      try {
        await eventually(() => log.length === 1);
        const made = await cluster.apply(configMap(context, 'late', { a: '1' }));
        await cluster.apply(configMap(context, 'late', { a: '2' }));
        await cluster.create({ ...configMapKind, metadata: { name: 'unlabelled', namespace } });
        const uid = made.object.metadata.uid ?? '';
        await cluster.delete({ ...configMapKind, namespace, name: 'late' }, { uid });
        await eventually(() => log.length === 4);
        assert.deepEqual(log, ['sync early', 'ADDED late', 'MODIFIED late', 'DELETED late']);
      } finally {
        stop();
      }
      await cluster.create(configMap(context, 'unheard'));
      await sleep(300);
      assert.equal(log.length, 4);
    },
  },
  {
    name: 'watches: an object that gets the label appears, one that loses it goes',
    async run(context) {
      const { cluster, namespace } = context;
      const labelSelector = `chandler.dev/contract=${namespace}`;
      const { listener, log } = recorder();
      const stop = cluster.watch(configMapKind, { labelSelector, metadataOnly: false }, listener);
      try {
        await eventually(() => log.length === 1);
        await cluster.apply({ ...configMapKind, metadata: { name: 'moving', namespace } });
        await cluster.apply(configMap(context, 'moving'));
        await cluster.apply({ ...configMapKind, metadata: { name: 'moving', namespace } });
        await eventually(() => log.length === 3);
        assert.deepEqual(log, ['sync ', 'ADDED moving', 'DELETED moving']);
      } finally {
        stop();
      }
    },
  },
  {
    name: 'watches metadata alone: the content never comes over',
    async run(context) {
      const { cluster, namespace } = context;
      const kind = { apiVersion: 'v1', kind: 'Secret' };
      const labels = { 'chandler.dev/contract': namespace };
      const secret = (name: string): KubeObject => ({
        ...kind,
        metadata: { name, namespace, labels },
        data: { password: Buffer.from('correct horse').toString('base64') },
      });
      await cluster.create(secret('first'));
      const { listener, log, objects } = recorder();
      const labelSelector = `chandler.dev/contract=${namespace}`;
      const stop = cluster.watch(kind, { labelSelector, metadataOnly: true }, listener);
      try {
        await eventually(() => log.length === 1);
        await cluster.create(secret('second'));
        await eventually(() => log.length === 2);
        assert.deepEqual(log, ['sync first', 'ADDED second']);
        for (const object of objects) {
          assert.deepEqual(Object.keys(object).sort(), ['apiVersion', 'kind', 'metadata']);
          assert.deepEqual([object.apiVersion, object.kind], ['v1', 'Secret']);
          assert.deepEqual(object.metadata.labels, labels);
        }
      } finally {
        stop();
      }
    },
  },
  {
    name: 'watches: a listener that fails gets everything again, and is never called twice at once',
    async run(context) {
      const { cluster, namespace } = context;
      const labelSelector = `chandler.dev/contract=${namespace}`;
      const { listener, log } = recorder();
      let running = 0;
      let failures = 0;
      const stop = cluster.watch(
        configMapKind,
        { labelSelector, metadataOnly: false },
        {
          ...listener,
          onSync: async (objects) => {
            running += 1;
            assert.equal(running, 1);
            await sleep(50);
            running -= 1;
            return listener.onSync(objects);
          },
          onChange: async (change) => {
            running += 1;
            assert.equal(running, 1);
            await sleep(50);
            running -= 1;
            failures += 1;
            if (failures === 2) throw new Error('the listener failed');
            return listener.onChange(change);
          },
        },
      );
      try {
        await eventually(() => log.length === 1);
        for (const name of ['one', 'two', 'three']) await cluster.create(configMap(context, name));
        await eventually(() => log.some((line) => line === 'sync one,three,two'));
        assert.deepEqual(log.slice(0, 3), ['sync ', 'ADDED one', 'break Error: the listener failed']);
      } finally {
        stop();
      }
    },
  },
  {
    name: 'watches a kind that does not exist without giving up and without a flood of reports',
    async run({ cluster }) {
      const { listener, log } = recorder();
      const kind = { apiVersion: 'chandler.dev/v1', kind: 'Unicorn' };
      const stop = cluster.watch(kind, { labelSelector: 'a=b', metadataOnly: false }, listener);
      try {
        await eventually(() => log.length > 0);
        await sleep(300);
        assert.deepEqual(log, ['break UnknownKind']);
      } finally {
        stop();
      }
    },
  },
];
