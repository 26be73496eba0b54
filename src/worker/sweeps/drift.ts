import { annotationKeys } from '../../lib/labels.ts';
import { joined } from '../../provisioners/differing-paths.ts';
import { enqueueRepair } from '../../store/enqueue-repair.ts';
import { type Finding, LeaseLost } from '../../store/types.ts';
import { operationFields } from '../../telemetry/events.ts';
import { type InstanceView, viewInstanceByUid } from '../instance-view.ts';
import { lookFurther } from '../look-further.ts';
import { deliveryFindings, driftFindings, type FoundDrift, findDrift } from './find-drift.ts';
import type { Sweep, SweepContext } from './types.ts';

export interface DriftSettings {
  /** How often each instance is looked at; 0 for never. */
  everySeconds: number;
}

/** Instances looked at in one round, so that it neither bursts nor keeps the other sweeps waiting. */
const mostPerRound = 20;
/** Somebody who changes an object again and again is not fought for ever. */
const mostRepairsPerDay = 3;
const pauseAfterRepairSeconds = 3600;

/**
 * Compares what was applied with what the plans say, and tells of each object that differs, by paths and never by
 * values. Where the plan says `drift: repair`, what two looks saw is put back by a repair.
 *
 * A look changes nothing and gets in nobody's way; what it saw counts only when nothing was at work on the instance
 * from before it until after it.
 */
export function driftSweep({ everySeconds }: DriftSettings): Sweep {
  return {
    name: 'drift',
    async run(context) {
      if (everySeconds === 0) return;
      const { deps, guard, signal } = context;
      await deps.store.sweeps.forgetDriftOfGone();
      for (let left = mostPerRound; left > 0; left -= 1) {
        guard();
        const uid = await deps.store.sweeps.claimDriftCheck(everySeconds);
        if (uid === undefined) return;
        try {
          await lookAt(uid, context);
        } catch (thrown) {
          if (thrown instanceof LeaseLost || signal.aborted) throw thrown;
          deps.events.backgroundFaulted({ task: 'look for drift of a service instance', cause: thrown });
        }
      }
    },
  };
}

async function lookAt(uid: string, context: SweepContext): Promise<void> {
  const { deps, guard } = context;
  const { store } = deps;
  const before = await store.sweeps.restOf(uid);
  if (before === undefined) return;
  const view = await lookFurther(await viewInstanceByUid(uid, deps), deps);
  const found = await findDrift(view, guard);
  const ofDeliveries = await deliveryFindings(await store.listBindings(uid), view, context);
  const { repairs, note } = await whatBecomesOf(found, view, deps);
  if ((await store.sweeps.restOf(uid)) !== before) return;
  guard();
  const scope = { cluster: view.instance.cluster, kinds: ['drift'] as const, instanceUids: [uid] };
  const findings = await store.findings.record(scope, [...driftFindings(found, view, note), ...ofDeliveries]);
  tellNew(findings, deps);
  if (repairs && (await isConfirmed(found, findings, view, deps))) await repair(uid, deps);
}

/** Whether a repair may follow, and if not, why, for people. */
async function whatBecomesOf(
  found: readonly FoundDrift[],
  { instance, revision }: InstanceView,
  { store }: SweepContext['deps'],
): Promise<{ repairs: boolean; note: string }> {
  const mendable = found.some(({ drift }) => drift.kind !== 'refused');
  if (revision.drift !== 'repair' || !mendable) return { repairs: false, note: '' };
  if (found.some(({ drift }) => drift.kind === 'missing' && drift.lostData)) {
    return {
      repairs: false,
      note: ' It is not repaired by itself, since an object of the service instance is gone together with data.',
    };
  }
  if (found.some(({ drift, object }) => object.kind === 'Namespace' && drift.kind === 'missing')) {
    return {
      repairs: false,
      note: ' It is not repaired by itself, since the namespace of the service instance is gone: somebody deleted all of it, or the row comes from a restored database.',
    };
  }
  if (found.some(isOfAnotherRevision)) {
    return {
      repairs: false,
      note: ' It is not repaired by itself, since the namespace was written for another revision of the plan than the row names: the row may come from a restored database.',
    };
  }
  const { count, lastSecondsAgo } = await store.sweeps.recentRepairs(instance.uid);
  if (count >= mostRepairsPerDay) {
    return {
      repairs: false,
      note: ` The service instance was repaired ${count} times within 24 hours and differs again: something else changes it, or the repairs fail. Until a day has passed it is only reported.`,
    };
  }
  return { repairs: lastSecondsAgo === undefined || lastSecondsAgo >= pauseAfterRepairSeconds, note: '' };
}

function isOfAnotherRevision({ drift, object }: FoundDrift): boolean {
  const path = joined('metadata.annotations', annotationKeys.planRevision);
  return object.kind === 'Namespace' && drift.kind === 'changed' && drift.paths.includes(path);
}

/** One look may have met a change that somebody is just making. */
async function isConfirmed(
  found: readonly FoundDrift[],
  drifts: readonly Finding[],
  { instance }: InstanceView,
  { store }: SweepContext['deps'],
): Promise<boolean> {
  const changed = new Set(
    found.flatMap(({ drift, item }) => (drift.kind === 'changed' ? [item?.objectUid] : [])),
  );
  if (drifts.some((finding) => changed.has(finding.objectUid) && seenTwice(finding))) return true;
  if (!found.some(({ drift }) => drift.kind === 'missing')) return false;
  return (await store.findings.list()).some(
    (finding) =>
      finding.kind === 'row without object' &&
      finding.instanceUid === instance.uid &&
      finding.bindingUid === undefined &&
      seenTwice(finding),
  );
}

function seenTwice({ firstSeenAt, lastSeenAt }: Finding): boolean {
  return lastSeenAt.getTime() > firstSeenAt.getTime();
}

async function repair(instanceUid: string, { store, events }: SweepContext['deps']): Promise<void> {
  const outcome = await enqueueRepair(store, { instanceUid });
  if (outcome.kind === 'enqueued') events.operationEnqueued(operationFields(outcome.operation));
}

function tellNew(findings: readonly Finding[], { events }: SweepContext['deps']): void {
  for (const finding of findings) {
    if (seenTwice(finding)) continue;
    const { kind, cluster, objectKind, namespace, name, instanceUid, bindingUid, detail } = finding;
    events.driftFound({
      ...{ finding: kind, cluster, kind: objectKind, namespace, name, detail },
      ...(instanceUid === undefined ? {} : { instanceUid }),
      ...(bindingUid === undefined ? {} : { bindingUid }),
    });
  }
}
