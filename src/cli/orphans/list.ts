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
const heads = ['ID', 'WHAT', 'OBJECTS', 'INSTANCE', 'AGE', 'SETTLE WITH'];

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

function toCells(orphan: SurveyedOrphan): string[] {
  const { id, owner, firstSeenAt, actions } = orphan;
  return [
    short(id),
    whatOf(orphan),
    objectsOf(orphan),
    owner === undefined ? '?' : `${owner.platform}/${owner.instanceId}`,
    age(firstSeenAt),
    actions.join(' | '),
  ].map(printable);
}

function whatOf({ kind, owner, findings }: SurveyedOrphan): string {
  const [what = kind] = kind.split(' with');
  if (kind === 'drift') return `${findings.length} object(s)`;
  return owner?.bindingId === undefined ? what : `${what} ${owner.bindingId}`;
}

/** Objects of one name together, as those of a binding are. */
function objectsOf({ findings }: SurveyedOrphan): string {
  const byName = Map.groupBy(findings, ({ objectKind, namespace, name }) =>
    // A login has the name of the Secret, written another way, and the first finding tells both.
    objectKind === 'login' ? '' : `${namespace === '' ? '' : `${namespace}/`}${name}`,
  );
  const logins = byName.get('') ?? [];
  byName.delete('');
  const kinds = (some: readonly { objectKind: string }[]) =>
    some.map(({ objectKind }) => objectKind).join(', ');
  const objects = [...byName].map(([name, some]) => `${kinds(some)} ${name}`);
  return [...logins.map(({ name }) => `login ${name}`), ...objects].join(', ');
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

/** Ids and names come from outside, and must not move the cursor of whoever reads them. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
