import { ChandlerError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/instance.ts';
import { conditionOfInstance, reactionToInstance } from '../domain/state-matrix.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Caller } from './caller.ts';
import type { UsecaseDeps } from './deps.ts';
import { obey } from './obey.ts';
import { revisionOf } from './resolve-plan.ts';

export interface FetchedInstance {
  serviceId: string;
  planId: string;
  parameters: JsonObject;
  dashboardUrl?: string;
  maintenanceVersion?: string;
}

/**
 * An instance as platforms may see it (OSBAPI "Fetching a Service Instance"), with the values of its last update that
 * succeeded.
 * @throws ChandlerError `InstanceNotFound` also for one that is not made yet or failed, `ConcurrencyError` while it
 * changes or goes
 */
export async function fetchInstance(
  deps: Pick<UsecaseDeps, 'store'>,
  caller: Caller,
  { instanceId }: Pick<InstanceKey, 'instanceId'>,
): Promise<FetchedInstance> {
  const instance = await deps.store.findInstance({ platform: caller.platform, instanceId });
  obey(reactionToInstance(conditionOfInstance(instance), 'fetch', caller.options));
  if (instance === undefined) throw new ChandlerError('InstanceNotFound');
  const { serviceId, planId, parameters, dashboardUrl } = instance;
  const { maintenanceVersion } = await revisionOf(deps.store, instance);
  return {
    serviceId,
    planId,
    parameters,
    ...(dashboardUrl === undefined ? {} : { dashboardUrl }),
    ...(maintenanceVersion === undefined ? {} : { maintenanceVersion }),
  };
}
