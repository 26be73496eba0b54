/** `chandler orphans list`. */
import type { OrphanKind } from '../../tools/orphans/group-findings.ts';
import { type SurveyedOrphan, surveyOrphans } from '../../tools/orphans/survey-orphans.ts';
import { type OrphanSettings, workOnOrphans } from '../../tools/orphans/work-on-orphans.ts';
import { textTable } from '../text-table.ts';

const sections: { title: string; kinds: readonly OrphanKind[] }[] = [
  { title: 'Without a row', kinds: ['instance without row', 'binding without row', 'stray object'] },
  { title: 'Logins without a row', kinds: ['login without row'] },
  { title: 'Rows of which something is gone', kinds: ['instance without object', 'binding without object'] },
  { title: 'Changed by another hand', kinds: ['drift'] },
];
const heads = ['ID', 'WHAT', 'INSTANCE', 'AGE', 'SETTLE WITH'];

export async function list(
  settings: OrphanSettings,
  { json }: { json: boolean },
): Promise<{ fine: boolean; text: string }> {
  const orphans = await workOnOrphans(settings, surveyOrphans);
  const confirmed = orphans.filter((orphan) => orphan.confirmed);
  const lastSeenAt = lastSight(orphans);
  return {
    fine: confirmed.length === 0,
    text: json
      ? `${JSON.stringify({ fine: confirmed.length === 0, ...(lastSeenAt === undefined ? {} : { lastSeenAt }), orphans: orphans.map(toJson) }, undefined, 2)}\n`
      : describe(orphans, confirmed, lastSeenAt),
  };
}

function describe(
  orphans: readonly SurveyedOrphan[],
  confirmed: readonly SurveyedOrphan[],
  lastSeenAt: Date | undefined,
): string {
  const blocks = sections.flatMap(({ title, kinds }) => {
    const rows = confirmed.filter(({ kind }) => kinds.includes(kind));
    return rows.length === 0 ? [] : [`${title}\n${textTable([heads, ...rows.map(toCells)])}`];
  });
  const open = orphans.length - confirmed.length;
  const last =
    lastSeenAt === undefined ? '' : ` The last sweep that found something was ${age(lastSeenAt)} ago.`;
  const summary = confirmed.length === 0 ? 'Nothing is to be settled.' : `${confirmed.length} to be settled.`;
  const unconfirmed =
    open === 0 ? '' : ` ${open} not confirmed yet: seen only once, or for less than the grace time.`;
  return [...blocks, `${summary}${unconfirmed}${last}\n`].join('\n');
}

function toCells({ id, kind, findings, owner, firstSeenAt, actions }: SurveyedOrphan): string[] {
  return [
    short(id),
    kind === 'drift'
      ? `${kind}: ${findings.length} object(s)`
      : `${kind}: ${findings.map(nameOf).join(', ')}`,
    owner === undefined ? '?' : `${owner.platform}/${owner.instanceId}`,
    age(firstSeenAt),
    actions.join(' | '),
  ];
}

function nameOf({ objectKind, namespace, name }: SurveyedOrphan['findings'][number]): string {
  return `${objectKind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

function toJson(orphan: SurveyedOrphan) {
  const { id, kind, cluster, confirmed, firstSeenAt, actions, instanceUid, bindingUid, owner } = orphan;
  return {
    ...{ id, shortId: short(id), kind, confirmed, cluster, firstSeenAt, instanceUid, bindingUid },
    ...(owner === undefined
      ? {}
      : { owner: { platform: owner.platform, instanceId: owner.instanceId, bindingId: owner.bindingId } }),
    commands: actions.map((action) => `chandler orphans ${action} ${short(id)}`),
    findings: orphan.findings,
  };
}

function lastSight(orphans: readonly SurveyedOrphan[]): Date | undefined {
  const times = orphans.flatMap(({ findings }) => findings.map(({ lastSeenAt }) => Number(lastSeenAt)));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

export function short(id: string): string {
  return id.slice(0, 8);
}

function age(since: Date): string {
  const seconds = Math.max(0, Math.round((Date.now() - since.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
