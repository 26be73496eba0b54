/** helm itself: brings a release to what it should be, or takes it away. */
import { ChandlerError } from '../../domain/errors.ts';
import type { ReleaseSpec } from '../../domain/offering.ts';
import { HelmError, type ReleaseRequest } from '../../helm/types.ts';
import { type KindReference, KubeError, type KubeObject } from '../../kube/types.ts';
import { withoutValues } from '../../kube/without-values.ts';
import type { JsonObject } from '../../lib/json.ts';
import { annotationKeys, identityLabels, labelKeys } from '../../lib/labels.ts';
import { kubeFailure } from '../kube-failure.ts';
import { look } from '../plan-repair.ts';
import { resourceName } from '../resource-state.ts';
import type { DesiredObject, InstanceTarget } from '../types.ts';
import { accessName } from './access-objects.ts';
import { withGrownVolumes } from './grown-volumes.ts';
import { releaseDigest } from './release-objects.ts';
import { decideRelease, type ReleaseRecord, releaseRecords } from './release-records.ts';

const guardEveryMs = 500;

export interface ReleaseRun {
  resourceId: string;
  spec: ReleaseSpec;
  target: InstanceTarget;
  /** Throws when this worker may go on no longer: helm is ended then. */
  guard: () => void;
}

/**
 * Runs helm, unless it has been there with just these objects. Safe to run again from any point: what a killed helm left
 * pending is unlocked first.
 * @param again also then, without hooks: something may have changed what stands
 * @param withHooks not where a version that failed is taken back
 * @throws ChandlerError `ResourceFailed` in helm's words, `ClusterUnreachable`; what the guard throws
 */
export async function bringRelease(
  desired: readonly DesiredObject[],
  {
    chartName,
    again,
    withHooks,
    ...run
  }: ReleaseRun & {
    chartName: string;
    again: boolean;
    withHooks: boolean;
  },
): Promise<void> {
  const { resourceId, spec, target } = run;
  const digest = releaseDigest(desired);
  if (digest === undefined) return;
  const checked = desired.filter(({ by }) => by !== undefined).map(({ object }) => object);
  await explained(`helm could not make the release of ${resourceId}`, async () => {
    const decision = decideRelease(await releaseRecords(resourceName(target, resourceId), target), digest);
    const isTold = decision.kind === 'done';
    if (isTold && !again && (await stands(desired, digest, target))) return;
    if (decision.kind === 'run') await removeRecords(decision.locks, run);
    const objects = await withGrownVolumes(checked, target);
    await refuseWarnings(objects, run);
    await whileHeld(run, async (request) =>
      target.helm.upgrade({
        ...request,
        chartName,
        objects: objects as unknown as JsonObject[],
        labels: { [annotationKeys.release]: digest },
        history: spec.history,
        withHooks: withHooks && !(isTold && again),
      }),
    );
  });
}

/**
 * Whether the objects say what the newest record says. A helm that was killed may have changed them, and its record is
 * gone when it was unlocked.
 */
async function stands(
  desired: readonly DesiredObject[],
  digest: string,
  target: InstanceTarget,
): Promise<boolean> {
  for (const { object, by } of desired) {
    if (by !== 'helm') continue;
    const found = await look(object, target);
    if (found?.metadata.annotations?.[annotationKeys.release] !== digest) return false;
  }
  return true;
}

/**
 * Uninstalls a release, with its hooks, and what hooks left running. Idempotent. A release whose access is gone is
 * forgotten, and its objects are left to whoever removes them one by one; only its hooks do not run then.
 * @throws ChandlerError `ResourceFailed` in helm's words, `ClusterUnreachable`; what the guard throws
 */
export async function removeRelease(run: ReleaseRun): Promise<void> {
  const { resourceId, target } = run;
  await explained(`helm could not uninstall the release of ${resourceId}`, async () => {
    const records = await releaseRecords(resourceName(target, resourceId), target);
    if (records.length > 0 && (await hasAccess(run))) {
      await whileHeld(run, (request) => target.helm.uninstall(request));
      await removeHooks(run);
    } else await forget(records, run);
  });
}

/**
 * Takes away what helm and hooks left of a release whose objects Chandler goes on with: an old record would say of a
 * later release that it stands, and pods of hooks would keep the instance from being gone. Idempotent.
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`; what the guard throws
 */
export async function forgetRelease(run: Unspecified): Promise<void> {
  const { resourceId, target } = run;
  await explained(`the release of ${resourceId} could not be forgotten`, async () =>
    forget(await releaseRecords(resourceName(target, resourceId), target), run),
  );
}

type Unspecified = Omit<ReleaseRun, 'spec'>;

async function forget(records: readonly ReleaseRecord[], run: Unspecified): Promise<void> {
  await removeRecords(records, run);
  await removeHooks(run);
}

/** Kinds of hooks that run: what they leave would keep the namespace from being empty. */
const runningKinds: readonly KindReference[] = [
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'v1', kind: 'Pod' },
];

async function removeHooks(run: Unspecified): Promise<void> {
  for (const kind of runningKinds) await removeHooksOf(kind, run);
}

async function removeHooksOf(kind: KindReference, { resourceId, target, guard }: Unspecified): Promise<void> {
  const labels = identityLabels({ ...target.identity, resourceId });
  const keys = [labelKeys.installation, labelKeys.instance, labelKeys.resource];
  const labelSelector = keys.map((key) => `${key}=${labels[key]}`).join(',');
  const found = await target.cluster.list(kind, { namespace: target.namespace, labelSelector });
  for (const { metadata } of found) {
    const { name, namespace, uid = '', annotations } = metadata;
    if (annotations?.['helm.sh/hook'] === undefined || namespace === undefined) continue;
    guard();
    await target.cluster.delete({ ...kind, name, namespace }, { uid });
  }
}

async function hasAccess({ resourceId, target }: ReleaseRun): Promise<boolean> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', name: accessName(target, resourceId) };
  return (await target.cluster.get({ ...account, namespace: target.namespace })) !== undefined;
}

async function removeRecords(
  records: readonly ReleaseRecord[],
  { target, guard }: Unspecified,
): Promise<void> {
  for (const { name, uid } of records) {
    guard();
    const secret = { apiVersion: 'v1', kind: 'Secret', namespace: target.namespace, name };
    await target.cluster.delete(secret, { uid });
  }
}

/**
 * Pod Security only warns of a workload, and helm keeps the warning to itself. A hook of the run before may still stand,
 * and helm will put its own in the place of that one: so hooks are tried under a name that nothing has.
 */
async function refuseWarnings(objects: readonly KubeObject[], { target }: ReleaseRun): Promise<void> {
  const withPods = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob'];
  for (const object of objects.filter(({ kind }) => withPods.includes(kind))) {
    const { metadata } = object;
    const isHook = metadata.annotations?.['helm.sh/hook'] !== undefined;
    const tried = isHook ? { ...object, metadata: { ...metadata, name: `${target.name}-hook` } } : object;
    const { warnings } = await target.cluster.apply(tried, { dryRun: true });
    const violation = warnings.find((warning) => warning.includes('would violate PodSecurity'));
    if (violation === undefined) continue;
    const sentence = `${object.kind} ${object.metadata.name} cannot run: ${violation}`;
    throw new ChandlerError('ApplyRejected', { sentence });
  }
}

async function whileHeld(
  { resourceId, spec, target, guard }: ReleaseRun,
  work: (request: ReleaseRequest) => Promise<void>,
): Promise<void> {
  const { namespace } = target;
  const account = { namespace, name: accessName(target, resourceId) };
  const kubeconfig = await target.cluster.lend(account, Math.max(3600, 4 * spec.hookTimeout));
  const held = new AbortController();
  const check = () => {
    try {
      guard();
    } catch (thrown) {
      held.abort(thrown);
    }
  };
  check();
  held.signal.throwIfAborted();
  const timer = setInterval(check, guardEveryMs);
  try {
    await work({
      releaseName: resourceName(target, resourceId),
      namespace,
      kubeconfig,
      hookTimeoutSeconds: spec.hookTimeout,
      signal: held.signal,
    });
  } finally {
    clearInterval(timer);
  }
}

async function explained(doing: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof KubeError) throw kubeFailure(thrown, 'ResourceFailed', doing);
    if (!(thrown instanceof HelmError)) throw thrown;
    // helm repeats the words of the API server.
    const words = withoutValues(422, thrown.message);
    const cause = new HelmError(words);
    if (passes(thrown)) throw new ChandlerError('ClusterUnreachable', { cause });
    throw new ChandlerError('ResourceFailed', { sentence: `${doing}: ${words}`, cause });
  }
}

/** helm was ended by others, the API server was away, or has not heard yet of the rights that helm was just given. */
function passes({ died, message }: HelmError): boolean {
  return (
    died ||
    /cluster unreachable:|dial tcp|connection re(fused|set)|i\/o timeout|: (unexpected )?EOF|TLS handshake|no route to host|net\/http:|http2:|etcdserver:|internal error occurred|the server (is currently unable|was unable)|too many requests/i.test(
      message,
    ) ||
    /is forbidden: User "system:serviceaccount:[^"]*-helm" cannot/.test(message)
  );
}
