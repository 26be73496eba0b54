import { toChandlerError } from '../../domain/errors.ts';
import { refuseForeignObjects } from '../../provisioners/foreign-objects.ts';
import { findLabelled, type LabelledObject, listLabelled } from '../../provisioners/labelled-objects.ts';
import { removeObject } from '../../provisioners/remove-object.ts';
import type { InstanceTarget } from '../../provisioners/types.ts';
import { LeaseLost, type NewFinding } from '../../store/types.ts';
import {
  bindingLabel,
  findingsOf,
  findMissing,
  instanceLabel,
  isBorneOut,
  keyOf,
  type Missing,
  objectWithoutRow,
  partStragglers,
  type Straggler,
  unexplained,
} from './explain.ts';
import { reportConfirmed } from './report-confirmed.ts';
import { settleSeconds } from './settle-seconds.ts';
import type { Sweep, SweepContext } from './types.ts';

export interface OrphanSettings {
  /** Clusters to look through besides those that rows name: after a restore there may be objects and no rows. */
  clusters: readonly string[];
  /** How long something must have been seen before it counts as confirmed. */
  graceSeconds: number;
}

const findingKinds = ['object without row', 'row without object'] as const;

/** Looked through although no inventory may name them now: what is left of an instance that is gone. */
const standingKinds = [
  { apiVersion: 'v1', kind: 'Namespace' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
];

/**
 * Looks for objects without a row and rows without an object. Both are told, never mended; the one thing that is
 * deleted is what a late worker left of an instance or binding whose end was acknowledged.
 */
export function orphanSweep(settings: OrphanSettings): Sweep {
  return {
    name: 'orphans',
    async run(context) {
      const { deps } = context;
      const clusters = new Set([...settings.clusters, ...(await deps.store.sweeps.clustersInUse())]);
      for (const cluster of clusters) {
        try {
          await sweepCluster(cluster, context);
        } catch (thrown) {
          if (thrown instanceof LeaseLost) throw thrown;
          deps.events.backgroundFaulted({
            task: `look for orphans in the cluster ${cluster}`,
            cause: thrown,
          });
        }
      }
      await reportConfirmed(findingKinds, settings.graceSeconds, deps);
    },
  };
}

/**
 * The order matters. Objects are listed before rows are read: a worker writes down what it is about to make, so a row
 * explains every object of the list that it will ever explain. What a list did not show may have been made since, so it
 * is read by name, and then the rows once more: what they still speak of, with nobody at work, is missing indeed.
 */
async function sweepCluster(name: string, context: SweepContext): Promise<void> {
  const { deps, guard } = context;
  const { store } = deps;
  const cluster = deps.clusterOf(name);
  const unswept = await store.sweeps.unsweptInstances(name, settleSeconds(deps));
  const objects = await listLabelled(cluster, await kindsToList(name, deps), store.installationId);
  const rows = await store.sweeps.rowsOf(name);

  const suspects = unexplained(objects, rows, name);
  const tombstones = await store.sweeps.tombstones(
    { instances: suspects.map(instanceLabel), bindings: suspects.map(bindingLabel) },
    settleSeconds(deps),
  );
  const { stragglers, strange } = partStragglers(suspects, tombstones, name);
  const kept = await removeStragglers(stragglers, name, context);
  await store.sweeps.noteInstancesSwept(unswept);

  const orphans = await stillThere(findingsOf(strange, rows, name), context);
  const missing = await surelyMissing(findMissing(objects, rows, name), cluster);
  const again = missing.length === 0 ? [] : findMissing(objects, await store.sweeps.rowsOf(name), name);
  const stillSaid = new Set(again.map(keyOf));
  guard();
  await store.findings.record({ cluster: name, kinds: findingKinds }, [
    ...kept,
    ...orphans,
    ...missing.filter((each) => stillSaid.has(keyOf(each))).map(({ finding }) => finding),
  ]);
}

async function kindsToList(cluster: string, { store }: SweepContext['deps']) {
  const kinds = [...standingKinds, ...(await store.kindsInUse(cluster))];
  return [...new Map(kinds.map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind])).values()];
}

/**
 * Deletes what late workers left, by the rules of a deprovision: where the namespace holds what is not ours, nothing in
 * it is touched.
 * @returns what had to stay
 */
async function removeStragglers(
  stragglers: readonly Straggler[],
  cluster: string,
  context: SweepContext,
): Promise<NewFinding[]> {
  const kept: NewFinding[] = [];
  const ended = Map.groupBy(stragglers, ({ instanceUid, of }) => `${of} ${instanceUid}`);
  for (const together of ended.values()) {
    try {
      await removeOf(together, cluster, context);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      const { message } = toChandlerError(thrown);
      const detail = `A late worker left it, and it could not be deleted. ${message}`;
      kept.push(...together.map(({ object }) => objectWithoutRow(object, cluster, detail)));
    }
  }
  return kept;
}

async function removeOf(
  stragglers: readonly Straggler[],
  clusterName: string,
  { deps, guard }: SweepContext,
): Promise<void> {
  const { store, events } = deps;
  const cluster = deps.clusterOf(clusterName);
  const [namespaces, objects] = [true, false].map((is) =>
    stragglers.filter(({ object }) => (object.kind === 'Namespace') === is && !object.terminating),
  ) as [Straggler[], Straggler[]];

  const refuseForeign = async () => {
    for (const { object, instanceUid } of namespaces) {
      const identity = { installationId: store.installationId, instanceUid };
      await refuseForeignObjects({ cluster, namespace: object.name, identity });
    }
  };
  const remove = async ({ object, instanceUid }: Straggler) => {
    guard();
    const { apiVersion, kind, namespace, name } = object;
    const identity = { installationId: store.installationId, instanceUid };
    // Without its uid it is read first, and its labels are looked at once more.
    const removed = await removeObject({ apiVersion, kind, namespace, name }, undefined, {
      cluster,
      identity,
    });
    if (removed === 'deleting') {
      events.stragglerRemoved({ instanceUid, cluster: clusterName, kind, namespace, name });
    }
  };
  await refuseForeign();
  for (const each of objects) await remove(each);
  if (objects.length > 0) await refuseForeign();
  for (const each of namespaces) await remove(each);
}

/** Those that are there; a finding of the last look that the list showed again needs no proof. */
async function stillThere(found: readonly NewFinding[], { deps }: SweepContext): Promise<NewFinding[]> {
  if (found.length === 0) return [];
  const known = new Set((await deps.store.findings.list()).map(({ objectUid }) => objectUid));
  const there: NewFinding[] = [];
  for (const finding of found) {
    if (known.has(finding.objectUid) || (await isThere(finding, deps))) there.push(finding);
  }
  return there;
}

async function isThere(
  { cluster, apiVersion, objectKind: kind, namespace, name, objectUid }: NewFinding,
  deps: SweepContext['deps'],
): Promise<boolean> {
  const found = await findLabelled(deps.clusterOf(cluster), { apiVersion, kind, namespace, name });
  return found?.uid === objectUid;
}

/** Those that are not there under their name; of what a namespace held that is gone, the namespace alone. */
async function surelyMissing(
  missing: readonly Missing[],
  cluster: InstanceTarget['cluster'],
): Promise<Missing[]> {
  const absent = async (some: readonly Missing[]) => {
    const gone: Missing[] = [];
    for (const each of some) {
      const found: LabelledObject | undefined = await findLabelled(cluster, each);
      if (!isBorneOut(each, found)) gone.push(each);
    }
    return gone;
  };
  const namespaces = await absent(missing.filter(({ isInstanceNamespace }) => isInstanceNamespace));
  const names = new Set(namespaces.map(({ name }) => name));
  const others = missing.filter((each) => !each.isInstanceNamespace && !names.has(each.namespace));
  return [...namespaces, ...(await absent(others))];
}
