import { adoptAgain, adoptBinding, adoptBindingAgain, adoptInstance } from './adopt.ts';
import type { Orphan, OrphanAction } from './group-findings.ts';
import { OrphanRefused } from './orphan-refused.ts';
import { recreateBinding, recreateInstance } from './recreate.ts';
import {
  removeBinding,
  removeBindingRow,
  removeInstance,
  removeInstanceRow,
  removeObject,
} from './remove.ts';
import type { Settlement, SettleOptions } from './settlement.ts';
import { assertStillGone } from './still-so.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

/**
 * What an action on an orphan would come to. Looks only.
 * @param all every orphan there is
 * @throws OrphanRefused when this action does not settle this orphan, or not now
 * @throws ChandlerError, KubeError
 */
export async function planSettlement(
  deps: OrphanDeps,
  action: OrphanAction,
  orphan: Orphan,
  all: readonly Orphan[],
  options: SettleOptions,
): Promise<Settlement> {
  const id = orphan.id.slice(0, 8);
  if (!orphan.actions.includes(action)) {
    throw new OrphanRefused(
      `${id} (${orphan.kind}) is not settled by \`${action}\`, but by: ${orphan.actions.map((each) => `chandler orphans ${each} ${id}`).join(', or ')}.`,
    );
  }
  if (!orphan.confirmed) {
    throw new OrphanRefused(
      `${id} is not confirmed yet: something may be at work on it. Wait for the next sweeps; \`chandler orphans list\` shows when it is.`,
    );
  }
  if (orphan.cluster !== deps.cluster.name) {
    throw new OrphanRefused(
      `${id} is in the cluster "${orphan.cluster}", and this command works on "${deps.cluster.name}": set CHANDLER_CLUSTER and CHANDLER_KUBECONFIG.`,
    );
  }
  const isGone = orphan.kind === 'instance without object' || orphan.kind === 'binding without object';
  if (isGone) await assertStillGone(deps, withInstance(orphan));
  switch (action) {
    case 'adopt':
      if (orphan.kind === 'failed instance') return adoptAgain(deps, withInstance(orphan).instance);
      if (orphan.kind === 'failed binding') return adoptBindingAgain(deps, withBinding(orphan).binding);
      return orphan.kind === 'instance without row'
        ? adoptInstance(deps, orphan, options)
        : adoptBinding(deps, orphan, options);
    case 'remove':
      return planRemoval(deps, orphan, all);
    case 'recreate':
      return orphan.bindingUid === undefined
        ? recreateInstance(deps, withInstance(orphan), options)
        : recreateBinding(deps, withBinding(withInstance(orphan)));
  }
}

async function planRemoval(deps: OrphanDeps, orphan: Orphan, all: readonly Orphan[]): Promise<Settlement> {
  switch (orphan.kind) {
    case 'instance without row':
      return removeInstance(deps, orphan, all);
    case 'binding without row':
    case 'login without row':
      return removeBinding(deps, orphan);
    case 'instance without object':
    case 'failed instance':
      return removeInstanceRow(deps, withInstance(orphan));
    case 'binding without object':
    case 'failed binding':
      return removeBindingRow(deps, withBinding(withInstance(orphan)));
    case 'stray object':
    case 'drift':
      return removeObject(deps, orphan);
  }
}

function withInstance<Of extends Orphan>(orphan: Of) {
  const { instance } = orphan;
  if (instance === undefined) throw new OrphanRefused('Its instance has no row by now. Look again.');
  return { ...orphan, instance };
}

function withBinding<Of extends Orphan>(orphan: Of) {
  const { binding } = orphan;
  if (binding === undefined) throw new OrphanRefused('Its binding has no row by now. Look again.');
  return { ...orphan, binding };
}
