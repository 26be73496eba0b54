import { ChandlerError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/instance.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { revisionOf } from './resolve-plan.ts';

export interface FetchedInstance {
  serviceId: string;
  planId: string;
  parameters: JsonObject;
  maintenanceVersion?: string;
}

/**
 * An instance as platforms may see it (OSBAPI "Fetching a Service Instance").
 * @throws ChandlerError `InstanceNotFound` also for one that is not made yet or failed, `ConcurrencyError` while it goes
 */
export async function fetchInstance(
  deps: Pick<UsecaseDeps, 'store'>,
  caller: Caller,
  { instanceId }: Pick<InstanceKey, 'instanceId'>,
): Promise<FetchedInstance> {
  const instance = await deps.store.findInstance({ platform: caller.platform, instanceId });
  switch (instance?.state) {
    case undefined:
    case 'provisioning':
    case 'provision failed':
    case 'deprovisioned':
      throw new ChandlerError('InstanceNotFound');
    case 'deprovisioning':
      throw new ChandlerError('ConcurrencyError');
    case 'ready':
    case 'deprovision failed': {
      const { maintenanceVersion } = await revisionOf(deps.store, instance);
      return {
        serviceId: instance.serviceId,
        planId: instance.planId,
        parameters: instance.parameters,
        ...(maintenanceVersion === undefined ? {} : { maintenanceVersion }),
      };
    }
  }
}
