/** A real cluster for tests: only the one that CHANDLER_TEST_KUBECONFIG names, and in it only namespaces made here. */
import { randomBytes } from 'node:crypto';
import { connectCluster } from '../../src/kube/connect-cluster.ts';
import type { Cluster } from '../../src/kube/types.ts';

export const testKubeconfig = process.env.CHANDLER_TEST_KUBECONFIG;

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

/** Connects to the test cluster. Call only when {@link testKubeconfig} is set. */
export async function connectTestCluster(): Promise<TestCluster> {
  if (testKubeconfig === undefined) throw new Error('CHANDLER_TEST_KUBECONFIG is not set.');
  const cluster = await connectCluster({ name: 'test', kubeconfigPath: testKubeconfig });
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
