import { serviceDnsName } from '../kube/service-dns-name.ts';
import type { KubeObject } from '../kube/types.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Where Chandler itself connects to reach a server: by its Service when the address is one of the instance's, else
 * the address as it is.
 * @throws ChandlerError `ClusterUnreachable`, `ResourceFailed` when the Service is gone
 */
export async function reachServer(
  address: { host: string; port: number },
  observed: readonly KubeObject[],
  { cluster }: Pick<InstanceTarget, 'cluster'>,
): Promise<{ host: string; port: number }> {
  for (const { kind, metadata } of observed) {
    const service = { name: metadata.name, namespace: metadata.namespace ?? '' };
    if (kind !== 'Service' || serviceDnsName(service) !== address.host) continue;
    try {
      return await cluster.reach({ ...service, port: address.port });
    } catch (thrown) {
      throw kubeFailure(thrown, 'ResourceFailed', `The Service ${service.name} could not be reached`);
    }
  }
  return address;
}
