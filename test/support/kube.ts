/** The test cluster through Chandler's own client; only namespaces made here are touched. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { connectCluster } from '../../src/kube/connect-cluster.ts';
import type { Cluster } from '../../src/kube/types.ts';

const namespaceKind = { apiVersion: 'v1', kind: 'Namespace' };
const testLabel = 'chandler.dev/test';

export interface TestCluster {
  cluster: Cluster;
  /** A name for a namespace that nobody has; it is deleted in the end if a test made it. */
  newName(): string;
  /** Makes a namespace of the test's own. */
  makeNamespace(): Promise<string>;
  /** Starts the deletion of every namespace of this run, and closes the connection. */
  close(): Promise<void>;
}

export async function connectTestCluster(): Promise<TestCluster> {
  const cluster = await connectCluster({ name: 'test', kubeconfigPath: inject('kubeconfigPath') });
  const names: string[] = [];
  const newName = () => {
    const name = `chandler-test-${randomBytes(5).toString('hex')}`;
    names.push(name);
    return name;
  };
  return {
    cluster,
    newName,
    async makeNamespace() {
      const name = newName();
      await cluster.create({ ...namespaceKind, metadata: { name, labels: { [testLabel]: 'true' } } });
      return name;
    },
    async close() {
      for (const name of names) {
        const found = await cluster.get({ ...namespaceKind, name });
        if (found?.metadata.uid)
          await cluster.delete({ ...namespaceKind, name }, { uid: found.metadata.uid });
      }
      await cluster.close();
    },
  };
}
