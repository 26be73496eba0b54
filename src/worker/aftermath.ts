import { ChandlerError, type ErrorCode, type InstanceAftermath } from '../domain/errors.ts';
import { resourceState } from '../provisioners/resource-state.ts';
import { isExternal } from './externals.ts';
import { type InstanceView, viewInstance, wasReady } from './instance-view.ts';
import { lookFurther } from './look-further.ts';
import { isRepeatable } from './restoring.ts';
import type { TickContext } from './types.ts';

/**
 * How a failed operation leaves its instance; only updates and deprovisions tell (OSBAPI "Service Broker Errors").
 * @throws ChandlerError `StoreUnavailable`
 */
export async function aftermathOf(
  context: Pick<TickContext, 'deps' | 'claim'>,
  code: ErrorCode,
): Promise<InstanceAftermath> {
  switch (context.claim.operation.type) {
    case 'update':
      return {
        instanceUsable: await isUsable(context, code),
        updateRepeatable: isRepeatable(code),
      };
    case 'deprovision':
      return { instanceUsable: await isUsable(context, code) };
    case 'provision':
    case 'bind':
    case 'unbind':
    case 'repair':
      return {};
  }
}

async function isUsable(
  { deps, claim }: Pick<TickContext, 'deps' | 'claim'>,
  code: ErrorCode,
): Promise<boolean> {
  // A closer look may be what ended one worker after the other.
  if (code === 'WorkersLost') {
    return (await deps.store.findInstanceByUid(claim.operation.instanceUid))?.usable ?? false;
  }
  try {
    const view = await viewInstance({ deps, claim });
    // Once a removal began nothing but an update makes an instance whole again.
    if (claim.operation.type === 'deprovision' && !view.instance.usable) return false;
    return wasReady(view) && isWhole(await lookFurther(view, deps));
  } catch (thrown) {
    if (thrown instanceof ChandlerError && thrown.code === 'StoreUnavailable') throw thrown;
    return false;
  }
}

/**
 * Whether everything that was applied is ready as it was last seen, and nothing is missing of the plan that the row
 * names. What was planned and refused takes nothing from what runs.
 */
function isWhole({ revision, inventory, observed, externals }: InstanceView): boolean {
  const applied = inventory.filter(({ objectUid }) => objectUid !== undefined);
  const isReady = (id: string) => {
    const items = applied.filter(({ resourceId }) => resourceId === id);
    const objects = items.filter((item) => !isExternal(item));
    return items.length > 0 && resourceState(id, objects, observed).kind === 'ready';
  };
  const made = revision.resources.filter(({ kind }) => kind !== 'read').map(({ id }) => id);
  const ids = [...made, ...applied.map(({ resourceId }) => resourceId)];
  return ids.every(isReady) && externals.every(({ state }) => state.kind === 'ready');
}
