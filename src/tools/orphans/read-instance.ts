/** The row of an instance that has none, written from what stands of it. */
import { renderDashboardUrl } from '../../catalog/render-dashboard-url.ts';
import { validateParameters } from '../../catalog/validate-parameters.ts';
import type { PlanRevision } from '../../domain/offering.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { JsonObject } from '../../lib/json.ts';
import { annotationKeys } from '../../lib/labels.ts';
import { instanceName } from '../../lib/names.ts';
import { Redacted } from '../../lib/redacted.ts';
import { namespaceResourceId } from '../../provisioners/namespace-object.ts';
import type { AdoptedInstance } from '../../store/types.ts';
import { readGenerated } from './generated-values.ts';
import { type AppliedLiveObject, assertUid, findNamespace, listApplied } from './live-objects.ts';
import { findIncarnation } from './names.ts';
import { OrphanRefused } from './orphan-refused.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

export interface LostInstance {
  row: AdoptedInstance;
  revision: PlanRevision;
  dashboardUrl?: string;
  /** The row of a refused request, which has the names of what stands, and makes way. */
  hollowUid?: string;
  /** What was applied for it, the namespace first. */
  objects: AppliedLiveObject[];
  /** What an admin should know before. */
  warnings: string[];
}

export interface ReadInstanceOptions {
  /** To be worked with, or only to be removed: then less must be known. */
  state: AdoptedInstance['state'];
  /** What the user had chosen; the defaults of the plan when absent. */
  parameters?: JsonObject;
  /** In place of the plan that the namespace names. */
  planId?: string;
}

/**
 * Looks only.
 * @throws OrphanRefused when what stands does not add up to an instance of this installation, or a row is in the way
 * @throws ChandlerError `InvalidParameters`, `StoreUnavailable`; KubeError
 */
export async function readLostInstance(
  { store, cluster }: OrphanDeps,
  labelledUid: string | undefined,
  options: ReadInstanceOptions,
): Promise<LostInstance> {
  const uid = assertUid(labelledUid, 'the instance');
  const namespace = await findNamespace(cluster, store.installationId, uid);
  const { name } = namespace.metadata;
  if (namespace.metadata.deletionTimestamp !== undefined) {
    throw new OrphanRefused(`The namespace ${name} is being deleted: there is nothing to settle.`);
  }
  const { platform, instanceId } = ownerOf(namespace);
  const incarnation = findIncarnation(
    (each) =>
      instanceName({
        ...{ installationId: store.installationId, platform, osbId: instanceId },
        incarnation: each,
      }),
    name,
  );
  const hollowUid = await rowInTheWay({ store, cluster }, { uid, platform, instanceId, name });

  const warnings: string[] = [];
  const revision = await revisionOf({ store, cluster }, namespace, options, warnings);
  const parameters = options.parameters ?? {};
  const names = { externalName: name, namespace: name };
  const isKept = options.state === 'provisioning';
  if (isKept) {
    validateParameters(revision, 'provision', parameters);
    if (options.parameters === undefined && hasParameters(revision)) {
      warnings.push(
        'What the user chose as parameters is not known: it gets the defaults of the plan. Objects that parameters had switched on are left as they are: no row knows them then, and sweeps tell of them. Give the parameters with --parameters if there were any.',
      );
    }
  }
  const annotations = namespace.metadata.annotations ?? {};
  const contextNamespace = annotations[annotationKeys.contextNamespace];
  const row: AdoptedInstance = {
    uid,
    platform,
    instanceId,
    incarnation,
    ...names,
    state: options.state,
    serviceId: revision.serviceId,
    planId: revision.planId,
    planRevision: revision.digest,
    organizationGuid: annotations[annotationKeys.organizationGuid] ?? '',
    spaceGuid: annotations[annotationKeys.spaceGuid] ?? '',
    context: {},
    parameters,
    cluster: cluster.name,
    generated: isKept ? await readGenerated(cluster, revision, names) : new Redacted({}),
    ...(contextNamespace === undefined ? {} : { contextNamespace }),
  };
  const dashboardUrl = isKept ? renderDashboardUrl(revision, row) : undefined;
  return {
    row,
    revision,
    ...(dashboardUrl === undefined ? {} : { dashboardUrl }),
    ...(hollowUid === undefined ? {} : { hollowUid }),
    objects: await objectsOf({ store, cluster }, namespace, uid),
    warnings,
  };
}

function ownerOf({ metadata: { name, annotations = {} } }: KubeObject) {
  const platform = annotations[annotationKeys.platform];
  const instanceId = annotations[annotationKeys.instanceId];
  if (platform !== undefined && instanceId !== undefined) return { platform, instanceId };
  throw new OrphanRefused(
    `The namespace ${name} lost the annotations ${annotationKeys.platform} and ${annotationKeys.instanceId}. Write them back (other objects in it have them, too), then try again.`,
  );
}

/** @returns the uid of a row that may be discarded */
async function rowInTheWay(
  { store }: OrphanDeps,
  { uid, platform, instanceId, name }: { uid: string; platform: string; instanceId: string; name: string },
): Promise<string | undefined> {
  const own = await store.findInstanceByUid(uid);
  if (own !== undefined) {
    throw new OrphanRefused(
      `The instance ${platform}/${instanceId} has a row by now (${own.state}). Look again.`,
    );
  }
  const newest = await store.findInstanceOrTombstone({ platform, instanceId });
  if (newest === undefined) return undefined;
  if (newest.externalName === name && (await store.isHollowInstance(newest.uid))) return newest.uid;
  if (newest.state !== 'deprovisioned') {
    throw new OrphanRefused(
      `Another instance lives under the same id ${platform}/${instanceId} (row ${newest.uid}, ${newest.state}). Two cannot: settle that one first, for example with \`chandler orphans remove\` if its objects are gone.`,
    );
  }
  if (newest.externalName === name) {
    throw new OrphanRefused(
      `The row ${newest.uid} says that an instance of this name was deprovisioned, and does not know these objects. Delete the namespace ${name} with kubectl if nobody needs it.`,
    );
  }
  return undefined;
}

function hasParameters({ schemas }: PlanRevision): boolean {
  return Object.keys((schemas.provision.properties ?? {}) as JsonObject).length > 0;
}

/** Of the plan that the namespace names. To remove it any will do, since what is removed is what stands. */
async function revisionOf(
  { store }: OrphanDeps,
  { metadata: { name, annotations = {} } }: KubeObject,
  { state, planId }: ReadInstanceOptions,
  warnings: string[],
): Promise<PlanRevision> {
  const digest = annotations[annotationKeys.planRevision];
  const named = digest === undefined ? undefined : await store.findRevision(digest);
  if (planId === undefined && named !== undefined) return named;
  const found = await store.findNewestRevision(planId);
  if (planId !== undefined) {
    if (found !== undefined) return found;
    throw new OrphanRefused(
      `The database knows no plan with the id ${planId}. Ids are in the files of the catalog.`,
    );
  }
  if (state === 'deprovisioning' && found !== undefined) {
    warnings.push('The plan that it was made with is not known; it is removed as it stands.');
    return found;
  }
  const why =
    digest === undefined
      ? `The namespace ${name} does not say with which plan it was made.`
      : `The plan revision ${digest}, with which it was made, is not in this database.`;
  throw new OrphanRefused(
    `${why} Start a broker once with the catalog that had this plan, which writes its revisions down, or choose a plan with --plan ID.`,
  );
}

async function objectsOf(
  { store, cluster }: OrphanDeps,
  { apiVersion, kind, metadata: { name, uid = '' } }: KubeObject,
  instanceUid: string,
): Promise<AppliedLiveObject[]> {
  const namespace = { apiVersion, kind, namespace: '', name, uid, resourceId: namespaceResourceId };
  return [namespace, ...(await listApplied(cluster, store.installationId, instanceUid, name))];
}
