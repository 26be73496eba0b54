/** Volumes grow before the objects that say so are applied, so that an update is not over before they did (ADR 0022). */
import { ChandlerError } from '../domain/errors.ts';
import { asJson, textAt } from '../kube/json-at.ts';
import { condition, conditionText } from '../kube/readiness-result.ts';
import type { KubeObject } from '../kube/types.ts';
import { applyObject } from './apply-object.ts';
import { claimSizes, isLess, largerTemplates, sameTemplates, storageRequest } from './claim-templates.ts';
import { assertNothingLost } from './data-loss.ts';
import { kubeFailure } from './kube-failure.ts';
import { look } from './plan-repair.ts';
import type { DesiredObject, InstanceTarget } from './types.ts';

/** What is to be applied, as of planApply. */
export interface PlannedApply {
  desired: DesiredObject;
  knownUid?: string;
}

/** What must come before the apply. */
export interface GrowthUnderWay {
  waitsFor: string;
}

const claimKind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };

/**
 * One step towards volumes that are as large as an object says. What no volume hangs on, and what is made for the first
 * time, passes as it is. Safe to run again from any point.
 *
 * The templates of a StatefulSet cannot be changed: once its claims have grown it is deleted without its pods, and then
 * made anew. So one that is gone while its claims are there is made anew as well.
 * @param grows false on the way back from a failed update: then nothing is waited for
 * @throws ChandlerError `ResourceFailed` when the volume cannot grow, `ApplyRejected`, `ClusterUnreachable`
 */
export async function growVolumes(
  planned: PlannedApply,
  target: InstanceTarget,
  { grows }: { grows: boolean },
): Promise<PlannedApply | GrowthUnderWay> {
  const { desired, knownUid } = planned;
  const { object } = desired;
  const sizes = claimSizes(object);
  if (knownUid === undefined || sizes.length === 0) return planned;
  const live = await look(object, target);
  if (object.kind === 'PersistentVolumeClaim') {
    if (!grows || live?.metadata.uid !== knownUid) return planned;
    const ask = async () => void (await applyObject(object, knownUid, target));
    return (await growClaim(live, sizes[0]?.size ?? '', ask)) ?? planned;
  }
  const what = `${object.kind} ${object.metadata.name}`;
  if (live === undefined) {
    await assertNothingLost(object, live, target);
    return { desired };
  }
  if (live.metadata.deletionTimestamp !== undefined) return { waitsFor: `until ${what} is deleted` };
  const larger = { ...desired, object: largerTemplates(object, live) };
  // An earlier worker made it anew and did not get to record that; a stranger's is refused by its labels.
  if (live.metadata.uid !== knownUid) return { desired: larger };
  if (sameTemplates(larger.object, live)) return { ...planned, desired: larger };
  const growing = await growClaims(larger.object, target);
  if (growing !== undefined) return growing;
  await deleteWithoutPods(live, knownUid, target);
  return { waitsFor: `until ${what} makes way for one with larger volumes` };
}

/** The claims that the controller made from the templates. */
async function growClaims(object: KubeObject, target: InstanceTarget): Promise<GrowthUnderWay | undefined> {
  let first: GrowthUnderWay | undefined;
  for (const { name, size } of claimSizes(object)) {
    const metadata = { name, namespace: target.namespace };
    const live = await look({ ...claimKind, metadata }, target);
    if (live === undefined) continue;
    const spec = { resources: { requests: { storage: size } } };
    const claim = { ...claimKind, metadata: { ...metadata, uid: live.metadata.uid ?? '' }, spec };
    const growing = await growClaim(live, size, () => askForMore(claim, target));
    first ??= growing;
  }
  return first;
}

async function growClaim(
  live: KubeObject,
  size: string,
  ask: () => Promise<void>,
): Promise<GrowthUnderWay | undefined> {
  const claim = asJson(live);
  // One that is not bound yet cannot be changed.
  if (textAt(claim, 'status', 'phase') !== 'Bound') return undefined;
  const name = live.metadata.name;
  if (isLess(storageRequest(claim), size)) {
    await ask();
    return { waitsFor: `until the volume of PersistentVolumeClaim ${name} has grown to ${size}` };
  }
  const capacity = textAt(claim, 'status', 'capacity', 'storage');
  if (!isLess(capacity, size)) return undefined;
  const said = ['ControllerResizeError', 'NodeResizeError', 'FileSystemResizePending', 'Resizing']
    .map((type) => condition(claim, type))
    .find((found) => found?.status === 'True');
  const why = said === undefined ? '' : `: ${conditionText(said, textAt(said, 'type') ?? '')}`;
  // KEP-1790: the driver says that no repetition helps.
  if (textAt(claim, 'status', 'allocatedResourceStatuses', 'storage')?.endsWith('Infeasible') === true) {
    throw new ChandlerError('ResourceFailed', {
      sentence: `The volume of PersistentVolumeClaim ${name} cannot grow to ${size}${why}`,
    });
  }
  return {
    waitsFor: `until the volume of PersistentVolumeClaim ${name} has grown from ${capacity} to ${size}${why}`,
  };
}

async function askForMore(claim: KubeObject, { cluster }: InstanceTarget): Promise<void> {
  try {
    await cluster.apply(claim);
  } catch (thrown) {
    const what = `PersistentVolumeClaim ${claim.metadata.name}`;
    throw kubeFailure(thrown, 'ApplyRejected', `Kubernetes does not let ${what} grow`);
  }
}

async function deleteWithoutPods(live: KubeObject, uid: string, { cluster }: InstanceTarget): Promise<void> {
  const { apiVersion, kind, metadata } = live;
  const { name, namespace = '' } = metadata;
  try {
    await cluster.delete({ apiVersion, kind, name, namespace }, { uid, orphan: true });
  } catch (thrown) {
    throw kubeFailure(thrown, 'ApplyRejected', `${kind} ${name} could not be deleted without its pods`);
  }
}
