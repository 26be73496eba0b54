import { afterAll, beforeAll, describe, test } from 'vitest';
import { clusterContract } from '../../src/kube/cluster-contract.ts';
import { connectTestCluster, type TestCluster } from '../support/kube.ts';

describe('a real API server keeps the contract of a cluster:', () => {
  let real: TestCluster;
  beforeAll(async () => {
    real = await connectTestCluster();
  });
  afterAll(() => real.close());

  test.each(clusterContract)('$name', { timeout: 120_000 }, async ({ run }) => {
    const namespace = await real.makeNamespace();
    await run({ cluster: real.cluster, namespace, otherNamespace: real.newName() });
  });
});
