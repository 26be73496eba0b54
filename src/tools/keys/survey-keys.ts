/** What stands between a database and one key for all of it. */
import type { KeyAdmin } from '../../store/open-key-admin.ts';
import { type SealedTable, sealedTables } from '../../store/sealed-columns.ts';
import type { UnreadableRow } from '../../store/sealed-rows.ts';

/**
 * Of a key that the database knows: `right` opens its canary, `wrong` does not, `absent` cannot be tried since the key
 * file lacks the key. `none`: no Chandler has started with the key yet.
 */
export type Canary = 'right' | 'wrong' | 'absent' | 'none';

export interface KeyStatus {
  id: string;
  inFile: boolean;
  active: boolean;
  canary: Canary;
  rows: Record<SealedTable, number>;
}

export interface KeySurvey {
  activeKey: string;
  /** Keys of the file in its order, then those that only the database knows. */
  keys: KeyStatus[];
  /** Rows whose `key_id` is not the key that wraps their data key. */
  mislabelled: number;
  /** Rows that `chandler keys rotate` still has to do. */
  outdated: number;
  /** Chandlers that run since before any Chandler had the active key. */
  replicasWithoutActiveKey: number;
  /** Only when every row was opened. */
  unreadable?: UnreadableRow[];
}

const batchSize = 200;

/** @param openRows also opens every sealed column of every row */
export async function surveyKeys(admin: KeyAdmin, openRows: boolean): Promise<KeySurvey> {
  const known = new Map((await admin.knownKeys()).map(({ id, canary }) => [id, canary]));
  const counts = await admin.countRows();
  const { ids, activeId } = admin.keys;
  const all = new Set([...ids, ...known.keys(), ...counts.map(({ keyId }) => keyId)]);
  return {
    activeKey: activeId,
    keys: [...all].map((id) => ({
      id,
      inFile: admin.keys.has(id),
      active: id === activeId,
      canary: canaryOf(id, known.get(id), admin),
      rows: Object.fromEntries(
        sealedTables.map((table) => [
          table,
          counts.find((count) => count.table === table && count.keyId === id)?.rows ?? 0,
        ]),
      ) as Record<SealedTable, number>,
    })),
    mislabelled: counts.reduce((sum, { mislabelled }) => sum + mislabelled, 0),
    outdated: await admin.countOutdated(),
    replicasWithoutActiveKey: await admin.countReplicasWithoutActiveKey(),
    ...(openRows ? { unreadable: await openAll(admin) } : {}),
  };
}

function canaryOf(id: string, canary: string | undefined, { keys }: KeyAdmin): Canary {
  if (canary === undefined) return 'none';
  if (!keys.has(id)) return 'absent';
  return keys.opensCanary(id, canary) ? 'right' : 'wrong';
}

async function openAll(admin: KeyAdmin): Promise<UnreadableRow[]> {
  const unreadable: UnreadableRow[] = [];
  for (const table of sealedTables) {
    let after: string | undefined;
    do {
      const batch = await admin.openBatch(table, after, batchSize);
      unreadable.push(...batch.unreadable);
      after = batch.last;
    } while (after !== undefined);
  }
  return unreadable;
}

export function rowsOf({ rows }: KeyStatus): number {
  return sealedTables.reduce((sum, table) => sum + rows[table], 0);
}

const wrongKeys = ({ keys }: KeySurvey) => keys.filter(({ canary }) => canary === 'wrong');
const missingKeys = ({ keys }: KeySurvey) => keys.filter((key) => !key.inFile && rowsOf(key) > 0);

/** Whether every row is on the active key, and nothing is known that does not open. */
export function isFine(survey: KeySurvey): boolean {
  const { outdated, unreadable = [] } = survey;
  return outdated === 0 && unreadable.length === 0 && wrongKeys(survey).length === 0;
}

/** What an admin has to do next, a sentence each. */
export function nextSteps(survey: KeySurvey): string[] {
  const { activeKey, outdated, replicasWithoutActiveKey, unreadable = [] } = survey;
  const [wrong, missing] = [wrongKeys(survey), missingKeys(survey)];
  const steps = [
    ...wrong.map(
      ({ id }) =>
        `The key "${id}" in the key file is not the key "${id}" of this database: restore the key file that belongs to it.`,
    ),
    ...missing.map(
      ({ id }) =>
        `Rows need the key "${id}", which is not in the key file: add its line from the backup, below the first.`,
    ),
  ];
  if (replicasWithoutActiveKey > 0) {
    steps.push(
      `${replicasWithoutActiveKey} running Chandler(s) cannot know the key "${activeKey}": restart them with this key file.`,
    );
  }
  if (outdated > 0 && steps.length === 0) {
    const unseen = survey.keys.some((key) => key.active && key.canary === 'none');
    steps.push(
      unseen
        ? `No Chandler has started with the key "${activeKey}" yet: start all of them with this key file, then rotate.`
        : `${outdated} row(s) are not on the active key "${activeKey}": run \`chandler keys rotate\`.`,
    );
  }
  if (unreadable.length > 0) steps.push(`${unreadable.length} row(s) do not open: restore them.`);
  return steps;
}
