import { ChandlerError } from '../domain/errors.ts';
import { parseServiceDnsName } from '../kube/service-dns-name.ts';
import { KubeError } from '../kube/types.ts';
import { kubeFailure } from './kube-failure.ts';
import type { InstanceTarget } from './types.ts';

/**
 * Where Chandler itself connects to reach a server: by its Service when the address is that of a Service in the
 * instance's namespace, whoever made it, else the address as it is.
 * @throws ChandlerError `ServerUnreachable` when there is no such Service, `ClusterUnreachable`, `ResourceFailed`
 */
export async function reachServer(
  address: { host: string; port: number },
  { cluster, namespace }: Pick<InstanceTarget, 'cluster' | 'namespace'>,
): Promise<{ host: string; port: number }> {
  const service = parseServiceDnsName(address.host);
  if (service === undefined || service.namespace !== namespace) return address;
  try {
    return await cluster.reach({ ...service, port: address.port });
  } catch (thrown) {
    // Its operator may still be about to make it.
    if (thrown instanceof KubeError && thrown.status === 404) {
      throw new ChandlerError('ServerUnreachable', { cause: thrown });
    }
    throw kubeFailure(thrown, 'ResourceFailed', `The Service ${service.name} could not be reached`);
  }
}
