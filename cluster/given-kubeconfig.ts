/** A cluster somebody names by its kubeconfig. We use it, and never start, change or stop it. */
import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import {
  type ClusterAccess,
  ClusterError,
  type ClusterSource,
  type ClusterStatus,
} from './cluster-source.ts';

/** The cluster of a kubeconfig that was given by name (never the ambient KUBECONFIG). */
export class GivenKubeconfig implements ClusterSource {
  readonly name = 'given-kubeconfig';
  readonly #path: string;

  constructor(kubeconfigPath: string) {
    this.#path = kubeconfigPath;
  }

  async isUp(): Promise<boolean> {
    return (await this.status()).healthy;
  }

  async up(): Promise<ClusterAccess> {
    const { healthy, components } = await this.status();
    if (!healthy)
      throw new ClusterError(`the cluster of ${this.#path} cannot be used: ${components[0]?.detail ?? ''}`);
    return { kubeconfigPath: this.#path, reach: 'port-forward' };
  }

  async down(): Promise<void> {
    // It is not ours.
  }

  async status(): Promise<ClusterStatus> {
    try {
      const config = new KubeConfig();
      config.loadFromFile(this.#path);
      const version = await config.makeApiClient(VersionApi).getCode();
      const detail = `Kubernetes ${version.gitVersion} at ${config.getCurrentCluster()?.server ?? 'an unknown address'}`;
      return {
        healthy: true,
        kubeconfigPath: this.#path,
        components: [{ name: 'API server', healthy: true, detail }],
      };
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      return {
        healthy: false,
        kubeconfigPath: this.#path,
        components: [{ name: 'API server', healthy: false, detail }],
      };
    }
  }
}
