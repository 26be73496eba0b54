/** The fake catalog, with a service whose look-up is a bug: what a broker does when something of its own is broken. */
import type { Catalog } from '../../src/catalog/types.ts';
import { fakeRequests, loadFakeCatalog } from '../support/osb-broker.ts';
import type { Sent } from '../support/osb-client.ts';

const faultyService = 'faulty-service';
export const faultText = 'private words of a fault';

export async function loadFaultyCatalog(): Promise<Catalog> {
  const catalog = await loadFakeCatalog();
  return {
    ...catalog,
    findPlan: (serviceId, planId) => {
      if (serviceId === faultyService) throw new TypeError(faultText);
      return catalog.findPlan(serviceId, planId);
    },
  };
}

/** A provision that meets the fault. */
export function faultyProvision(): Sent {
  return fakeRequests('quick', undefined, faultyService).provision();
}
