import type { ServiceInstance } from '../../domain/instance.ts';
import { LeaseLost, type NewFinding } from '../../store/types.ts';
import { engineTarget, viewInstanceByUid, wasReady } from '../instance-view.ts';
import { lookFurther } from '../look-further.ts';
import { providerOf } from '../parts.ts';
import type { WorkerDeps } from '../types.ts';
import { explainLogins, loginWithoutRow, rowWithoutLogin } from './explain-logins.ts';
import { inParallel } from './in-parallel.ts';
import { reportConfirmed } from './report-confirmed.ts';
import { settleSeconds } from './settle-seconds.ts';
import { takeBack } from './take-back.ts';
import type { Sweep, SweepContext } from './types.ts';

export interface LoginSettings {
  /** How long a difference must have been seen before it counts as confirmed. */
  graceSeconds: number;
}

/** Instances that one round looks into: each costs a connection to its server. The next round goes on after them. */
const perRound = 200;
/** Servers asked at the same time. */
const atOnce = 4;
const findingKinds = ['login without row', 'row without login'] as const;

/**
 * Compares the logins on servers with bindings. Both kinds of difference are told, never mended; but the login of a
 * binding whose unbind was acknowledged is revoked again.
 */
export function loginSweep({ graceSeconds }: LoginSettings): Sweep {
  let after: string | undefined;
  return {
    name: 'logins',
    async run(context) {
      const { deps } = context;
      const uids = await deps.store.sweeps.instancesInUse(after, perRound);
      after = uids.length < perRound ? undefined : uids.at(-1);
      const unreached: unknown[] = [];
      await inParallel(uids, atOnce, async (uid) => {
        context.guard();
        try {
          await look(uid, context);
        } catch (thrown) {
          if (thrown instanceof LeaseLost || context.signal.aborted) throw thrown;
          unreached.push(thrown);
        }
      });
      if (unreached.length > 0) {
        const task = `look for logins of ${unreached.length} service instances; their servers are left for a later round`;
        deps.events.backgroundFaulted({ task, cause: unreached[0] });
      }
      await forgetOfTheGone(deps);
      await reportConfirmed(findingKinds, graceSeconds, deps);
    },
  };
}

async function look(uid: string, context: SweepContext): Promise<void> {
  const { deps, guard } = context;
  const { sweeps, findings } = deps.store;
  const view = await viewInstanceByUid(uid, deps);
  const spec = view.revision.bind;
  if (spec === undefined || !wasReady(view)) return;
  const provider = providerOf(deps, spec.engine);
  const target = await engineTarget(await lookFurther(view, deps), view.instance.outputs);

  // First the logins, then the rows: see explainLogins.
  const compare = async () => {
    const logins = await provider.listLogins(spec, target);
    const { instance, bindings } = await sweeps.bindingsOf(uid, settleSeconds(deps));
    // What an operation is at work on may change between the two.
    if (instance === undefined || !instance.inUse || instance.busy) return undefined;
    return explainLogins(logins, bindings, (name) => provider.loginName(name));
  };
  const first = await compare();
  if (first === undefined) return;
  for (const { uid: bindingUid } of first.stragglers) {
    await takeBack({ uid: bindingUid, instanceUid: uid, why: 'unbound' }, context);
  }
  // A login that was made after the list was read has a row by now; it is there when one looks once more.
  const second = first.missing.length === 0 ? first : await compare();
  if (second === undefined) return;
  const before = new Set(first.missing.map((binding) => binding.uid));
  const found: NewFinding[] = [
    ...first.strange.map((login) => loginWithoutRow(login, view.instance)),
    ...second.missing
      .filter((binding) => before.has(binding.uid))
      .map((binding) => rowWithoutLogin(provider.loginName(binding.externalName), binding, view.instance)),
  ];
  guard();
  const scope = { cluster: view.instance.cluster, kinds: findingKinds, instanceUids: [uid] };
  await findings.record(scope, found);
}

/** What was found of an instance that is gone went with its server; of one that cannot be used nobody looks any more. */
async function forgetOfTheGone({ store }: WorkerDeps): Promise<void> {
  const kinds: readonly string[] = findingKinds;
  for (const { uid, kind, instanceUid } of await store.findings.list()) {
    if (!kinds.includes(kind)) continue;
    const instance = await store.findInstanceByUid(instanceUid ?? '');
    if (instance === undefined || isOver(instance)) await store.findings.forget(uid);
  }
}

function isOver({ state, usable }: ServiceInstance): boolean {
  if (state === 'deprovisioned' || state === 'provision failed') return true;
  return (state === 'update failed' || state === 'deprovision failed') && !usable;
}
