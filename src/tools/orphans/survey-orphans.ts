import { type Cluster, KubeError } from '../../kube/types.ts';
import { annotationKeys } from '../../lib/labels.ts';
import { sweeperPace } from '../../store/sweep-types.ts';
import { failedBinding, failedInstance, groupFindings, type Orphan } from './group-findings.ts';
import { OrphanRefused } from './orphan-refused.ts';
import type { OrphanDeps } from './work-on-orphans.ts';

/** Whom an orphan served, as a row or the annotations tell. */
export interface Owner {
  platform: string;
  instanceId: string;
  bindingId?: string;
}

export interface SurveyedOrphan extends Orphan {
  owner?: Owner;
}

/** @throws ChandlerError `StoreUnavailable` */
export async function listOrphans({ store }: Pick<OrphanDeps, 'store'>): Promise<Orphan[]> {
  return groupFindings(await store.findings.list(), store);
}

export interface Survey {
  orphans: SurveyedOrphan[];
  /** The last round of sweeps began before it; undefined when there was none. */
  sweptBefore?: Date;
}

/**
 * Every orphan with whom it served, for which the cluster is asked about those without a row; and whether sweeps run.
 * @throws ChandlerError `StoreUnavailable`
 */
export async function surveyOrphans(deps: OrphanDeps): Promise<Survey> {
  const orphans: SurveyedOrphan[] = [];
  for (const orphan of await listOrphans(deps)) {
    const owner = ownerByRow(orphan) ?? (await ownerByAnnotations(orphan, deps.cluster));
    orphans.push(owner === undefined ? orphan : { ...orphan, owner });
  }
  const sweptBefore = await deps.store.findLeaseEnd(sweeperPace);
  return { orphans, ...(sweptBefore === undefined ? {} : { sweptBefore }) };
}

function ownerByRow({ kind, instance, binding }: Orphan): Owner | undefined {
  if (binding !== undefined) return binding;
  // The annotations of a delivery name its binding as well.
  return kind === 'binding without row' ? undefined : instance;
}

async function ownerByAnnotations({ cluster: name, findings, instance }: Orphan, cluster: Cluster) {
  const [finding] = findings;
  if (finding === undefined || finding.kind === 'login without row' || name !== cluster.name) return instance;
  const { apiVersion, objectKind: kind, namespace } = finding;
  const found = await cluster.get({ apiVersion, kind, namespace, name: finding.name }).catch(ignoreAbsence);
  const annotations = found?.metadata.annotations ?? {};
  const platform = annotations[annotationKeys.platform];
  const instanceId = annotations[annotationKeys.instanceId];
  const bindingId = annotations[annotationKeys.bindingId];
  if (platform === undefined || instanceId === undefined) return instance;
  return { platform, instanceId, ...(bindingId === undefined ? {} : { bindingId }) };
}

/** A list must not fail because one thing cannot be looked at. */
function ignoreAbsence(thrown: unknown): undefined {
  if (!(thrown instanceof KubeError)) throw thrown;
  return undefined;
}

const shortest = 4;
const wholeUid = 36;

/**
 * The orphans that ids name: each the beginning of the uid of one of its findings, or the uid of an instance or a
 * binding whose adoption failed.
 * @returns also every orphan there is
 * @throws OrphanRefused when an id names none, or several
 * @throws ChandlerError `StoreUnavailable`
 */
export async function pickOrphans(
  deps: Pick<OrphanDeps, 'store'>,
  ids: readonly string[],
): Promise<{ picked: Orphan[]; all: Orphan[] }> {
  const all = await listOrphans(deps);
  const picked = new Set<Orphan>();
  for (const id of ids) picked.add(findNamed(all, id) ?? (await findFailed(deps, id)));
  return { picked: [...picked], all };
}

function findNamed(orphans: readonly Orphan[], id: string): Orphan | undefined {
  const found = orphans.filter(({ findings }) =>
    findings.some(({ uid }) => id.length >= shortest && uid.startsWith(id.toLowerCase())),
  );
  const [orphan, another] = found;
  if (another === undefined) return orphan;
  throw new OrphanRefused(
    `${id} names several: ${found.map((each) => each.id).join(', ')}. Give more of it.`,
  );
}

async function findFailed({ store }: Pick<OrphanDeps, 'store'>, id: string): Promise<Orphan> {
  const instance = id.length === wholeUid ? await store.findInstanceByUid(id) : undefined;
  if (instance?.state === 'provision failed') return failedInstance(instance);
  const binding = id.length === wholeUid ? await store.findBindingByUid(id) : undefined;
  if (binding?.state === 'bind failed' && binding.adopted) {
    const owner = await store.findInstanceByUid(binding.instanceUid);
    if (owner !== undefined) return failedBinding(binding, owner);
  }
  throw new OrphanRefused(
    `There is no finding ${id}: it was settled, or it went by itself. \`chandler orphans list\` shows those there are.`,
  );
}
