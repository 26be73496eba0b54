/** helm itself: brings a release to what it should be, or takes it away. */
import { ChandlerError } from '../../domain/errors.ts';
import type { ReleaseSpec } from '../../domain/offering.ts';
import { HelmError, type ReleaseRequest } from '../../helm/types.ts';
import { type KindReference, KubeError, type KubeObject } from '../../kube/types.ts';
import type { JsonObject } from '../../lib/json.ts';
import { annotationKeys, identityLabels, labelKeys } from '../../lib/labels.ts';
import { kubeFailure } from '../kube-failure.ts';
import { resourceName } from '../resource-state.ts';
import type { DesiredObject, InstanceTarget } from '../types.ts';
import { accessName } from './access-objects.ts';
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
  const objects = desired.filter(({ by }) => by !== undefined).map(({ object }) => object);
  await explained(`helm could not make the release of ${resourceId}`, async () => {
    const decision = decideRelease(await releaseRecords(resourceName(target, resourceId), target), digest);
    if (decision.kind === 'done' && !again) return;
    if (decision.kind === 'run') await deleteRecords(decision.locks, run);
    await refuseWarnings(objects, run);
    await whileHeld(run, async (request) =>
      target.helm.upgrade({
        ...request,
        chartName,
        objects: objects as unknown as JsonObject[],
        labels: { [annotationKeys.release]: digest },
        history: spec.history,
        withHooks: withHooks && decision.kind === 'run',
      }),
    );
  });
}

/**
 * Uninstalls a release, with its hooks, and what hooks left running. Idempotent. A release whose access is gone is left
 * to whoever removes the objects one by one; only its hooks do not run then.
 * @throws ChandlerError `ResourceFailed` in helm's words, `ClusterUnreachable`; what the guard throws
 */
export async function removeRelease(run: ReleaseRun): Promise<void> {
  const { resourceId, target } = run;
  await explained(`helm could not uninstall the release of ${resourceId}`, async () => {
    const name = resourceName(target, resourceId);
    if ((await releaseRecords(name, target)).length > 0 && (await hasAccess(run))) {
      await whileHeld(run, (request) => target.helm.uninstall(request));
    }
    for (const kind of runningKinds) await removeHooks(kind, run);
  });
}

/**
 * Takes away what Helm wrote down of a release whose objects stay, in other hands: it may hold passwords.
 * @throws ChandlerError `ResourceFailed`, `ClusterUnreachable`; what the guard throws
 */
export async function forgetRelease(run: Pick<ReleaseRun, 'resourceId' | 'target' | 'guard'>): Promise<void> {
  const { resourceId, target } = run;
  await explained(`the records of the release of ${resourceId} could not be deleted`, async () => {
    await deleteRecords(await releaseRecords(resourceName(target, resourceId), target), run);
  });
}

/** Kinds of hooks that run: what they leave would keep the namespace from being empty. */
const runningKinds: readonly KindReference[] = [
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'v1', kind: 'Pod' },
];

async function removeHooks(kind: KindReference, { resourceId, target, guard }: ReleaseRun): Promise<void> {
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

async function deleteRecords(
  records: readonly ReleaseRecord[],
  { target, guard }: Pick<ReleaseRun, 'target' | 'guard'>,
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
    if (passes(thrown)) throw new ChandlerError('ClusterUnreachable', { cause: thrown });
    throw new ChandlerError('ResourceFailed', { sentence: `${doing}: ${thrown.message}`, cause: thrown });
  }
}

/** helm was ended by others, the API server was away, or has not heard yet of the rights that helm was just given. */
function passes({ died, message }: HelmError): boolean {
  return (
    died ||
    /connection re(fused|set)|i\/o timeout|unexpected EOF|TLS handshake|no route to host|etcdserver:|the server (is currently unable|was unable)|too many requests|http2: client connection lost/i.test(
      message,
    ) ||
    /is forbidden: User "system:serviceaccount:[^"]*-helm" cannot/.test(message)
  );
}
