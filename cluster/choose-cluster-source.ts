/** Decides where the cluster comes from. */
import { ClusterError, type ClusterSource } from './cluster-source.ts';
import { GivenKubeconfig } from './given-kubeconfig.ts';
import { whyNotHere } from './local-node/debian.ts';
import { LocalNode } from './local-node/local-node.ts';

/** What the user said about the cluster. */
export interface ClusterWish {
  /** From `--kubeconfig` or CHANDLER_TEST_KUBECONFIG. The ambient KUBECONFIG is never read: it may be production. */
  kubeconfig?: string | undefined;
}

/**
 * The order: a kubeconfig that was given; the local node. A k3s container, for machines with a container
 * engine, belongs between the two.
 */
export async function chooseClusterSource(wish: ClusterWish = {}): Promise<ClusterSource> {
  if (wish.kubeconfig !== undefined && wish.kubeconfig !== '') return new GivenKubeconfig(wish.kubeconfig);
  const reason = await whyNotHere();
  if (reason === undefined) return new LocalNode();
  throw new ClusterError(`no Kubernetes cluster to use: no kubeconfig was given, and ${reason}`);
}
