/** What every `Cluster` promises about lists and label selectors. */
import assert from 'node:assert/strict';
import { type ContractCase, configMap, configMapKind, isKubeError } from './cluster-contract-tools.ts';

export const listContract: ContractCase[] = [
  {
    name: 'lists by label, in one namespace and in all, and says what kind the objects are',
    async run(context) {
      const { cluster, namespace } = context;
      await cluster.create(configMap(context, 'one'));
      await cluster.create(configMap(context, 'two'));
      await cluster.create({ ...configMapKind, metadata: { name: 'plain', namespace } });
      const labelSelector = `chandler.dev/contract=${namespace}`;
      for (const options of [{ labelSelector }, { labelSelector, namespace }]) {
        const found = await cluster.list(configMapKind, options);
        assert.deepEqual(found.map((each) => each.metadata.name).sort(), ['one', 'two']);
        for (const each of found) assert.deepEqual([each.apiVersion, each.kind], ['v1', 'ConfigMap']);
      }
      assert.deepEqual(await cluster.list(configMapKind, { labelSelector, namespace: 'default' }), []);
    },
  },
  {
    name: 'lists metadata alone when nothing else is wanted',
    async run(context) {
      const { cluster, namespace } = context;
      await cluster.create(configMap(context, 'one', { key: 'content' }));
      const [found] = await cluster.list(configMapKind, {
        namespace,
        labelSelector: `chandler.dev/contract=${namespace}`,
        metadataOnly: true,
      });
      assert.deepEqual(Object.keys(found ?? {}).sort(), ['apiVersion', 'kind', 'metadata']);
      assert.deepEqual([found?.apiVersion, found?.kind, found?.metadata.name], ['v1', 'ConfigMap', 'one']);
      assert.ok(found?.metadata.uid);
    },
  },
  {
    name: 'lists by labels that are there, are not there, have a value or have not',
    async run({ cluster, namespace }) {
      const labelled = (name: string, labels: Record<string, string>) =>
        cluster.create({
          ...configMapKind,
          metadata: { name, namespace, labels: { case: 'terms', ...labels } },
        });
      await labelled('red', { colour: 'red' });
      await labelled('blue', { colour: 'blue' });
      await labelled('none', {});
      const expected: [selector: string, names: string[]][] = [
        ['case=terms,colour', ['blue', 'red']],
        ['case=terms,!colour', ['none']],
        ['case=terms,colour=red', ['red']],
        ['case==terms,colour==red', ['red']],
        ['case=terms,colour=', []],
        ['case=terms,colour!=red', ['blue', 'none']],
        ['case=terms,colour!=red,colour!=blue', ['none']],
        ['case=terms,colour!=red,colour', ['blue']],
      ];
      for (const [labelSelector, names] of expected) {
        const found = await cluster.list(configMapKind, { namespace, labelSelector });
        assert.deepEqual(found.map((each) => each.metadata.name).sort(), names, labelSelector);
      }
      for (const labelSelector of ['=red', '!', 'colour=red=blue', '!colour=red', 'colour!', 'a b'])
        await assert.rejects(
          cluster.list(configMapKind, { namespace, labelSelector }),
          isKubeError(400, 'BadRequest'),
          labelSelector,
        );
    },
  },
];
