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
/** Much longer than the usual pause between two rounds. */
const longAgoMs = 15 * 60_000;
const heads = ['ID', 'WHAT', 'OBJECTS', 'INSTANCE', 'AGE', 'SETTLE WITH'];

export async function list(
  settings: OrphanSettings,
  { json }: { json: boolean },
): Promise<{ fine: boolean; text: string }> {
  const { orphans, sweptBefore } = await workOnOrphans(settings, surveyOrphans);
  const confirmed = orphans.filter((orphan) => orphan.confirmed);
  const fine = confirmed.length === 0;
  return {
    fine,
    text: json
      ? `${JSON.stringify({ fine, sweptBefore, orphans: orphans.map(toJson) }, undefined, 2)}\n`
      : describe(orphans, confirmed, sweptBefore),
  };
}

function describe(
  orphans: readonly SurveyedOrphan[],
  confirmed: readonly SurveyedOrphan[],
  sweptBefore: Date | undefined,
): string {
  const blocks = sections.flatMap(({ title, kinds }) => {
    const rows = confirmed.filter(({ kind }) => kinds.includes(kind));
    return rows.length === 0 ? [] : [`${title}\n${textTable([heads, ...rows.map(toCells)])}`];
  });
  const open = orphans.length - confirmed.length;
  const summary = [
    confirmed.length === 0 ? 'Nothing is to be settled.' : `${confirmed.length} to be settled.`,
    ...(open === 0
      ? []
      : [`${open} not confirmed yet: seen only once, or for less than the grace time; --json shows them.`]),
    ...doubts(sweptBefore),
  ];
  return [...blocks, `${summary.join('\n')}\n`].join('\n');
}

/** What the list is worth when no sweeps run. */
function doubts(sweptBefore: Date | undefined): string[] {
  if (sweptBefore === undefined) {
    return ['No sweep has run on this database yet. Start a Chandler, and wait for two rounds of sweeps.'];
  }
  return Date.now() - sweptBefore.getTime() < longAgoMs
    ? []
    : [`The last round of sweeps began more than ${age(sweptBefore)} ago: is a Chandler running?`];
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
