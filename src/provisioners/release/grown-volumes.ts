import type { KubeObject } from '../../kube/types.ts';
import { parseQuantity } from '../../lib/quantity.ts';
import { look } from '../plan-repair.ts';
import type { InstanceTarget } from '../types.ts';

/**
 * The same objects, where no claim asks for less than it has: a volume that grew in an update that was taken back cannot
 * shrink, and the API server would refuse the whole release each time.
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`
 */
export async function withGrownVolumes(
  objects: readonly KubeObject[],
  target: InstanceTarget,
): Promise<KubeObject[]> {
  const grown: KubeObject[] = [];
  for (const object of objects) {
    const has = object.kind === 'PersistentVolumeClaim' ? storageOf(await look(object, target)) : undefined;
    const asks = storageOf(object);
    const isMore = has !== undefined && asks !== undefined && amount(has) > amount(asks);
    grown.push(isMore ? withStorage(object, has) : object);
  }
  return grown;
}

interface ClaimSpec {
  resources?: { requests?: { storage?: unknown } };
}

function storageOf(claim: KubeObject | undefined): string | undefined {
  const storage = (claim?.spec as ClaimSpec | undefined)?.resources?.requests?.storage;
  return typeof storage === 'string' ? storage : undefined;
}

function withStorage(claim: KubeObject, storage: string): KubeObject {
  const spec = claim.spec as ClaimSpec;
  const requests = { ...spec.resources?.requests, storage };
  return { ...claim, spec: { ...spec, resources: { ...spec.resources, requests } } };
}

function amount(storage: string): bigint {
  return parseQuantity(storage) ?? 0n;
}
