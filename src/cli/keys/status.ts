/** `chandler keys status`. */
import { isFine, type KeySurvey, nextSteps, rowsOf, surveyKeys } from '../../tools/keys/survey-keys.ts';
import { type KeySettings, workOnKeys } from '../../tools/keys/work-on-keys.ts';
import { textTable } from '../text-table.ts';

export async function status(
  settings: KeySettings,
  { verify, json }: { verify: boolean; json: boolean },
): Promise<{ fine: boolean; text: string }> {
  const survey = await workOnKeys(settings, (admin) => surveyKeys(admin, verify));
  const fine = isFine(survey);
  return {
    fine,
    text: json
      ? `${JSON.stringify({ fine, ...survey, nextSteps: nextSteps(survey) }, undefined, 2)}\n`
      : describe(survey),
  };
}

const heads = ['KEY', 'IN FILE', 'SEALS', 'CANARY', 'INSTANCES', 'BINDINGS', 'OPERATIONS'];

function describe(survey: KeySurvey): string {
  const table = [
    heads,
    ...survey.keys.map(({ id, inFile, active, canary, rows }) => [
      id,
      inFile ? 'yes' : 'no',
      active ? 'yes' : 'no',
      canary,
      String(rows.service_instances),
      String(rows.service_bindings),
      String(rows.operations),
    ]),
  ];
  const total = survey.keys.reduce((sum, key) => sum + rowsOf(key), 0);
  const lines = [
    '',
    ...(survey.mislabelled > 0
      ? [`${survey.mislabelled} row(s) name another key in key_id than the one that wraps their data key.`]
      : []),
    ...(survey.unreadable ?? []).map(({ reason }) => reason),
    ...(isFine(survey) ? [`All ${total} row(s) are on the active key "${survey.activeKey}".`] : []),
    ...nextSteps(survey),
    ...(survey.unreadable?.length === 0 ? ['Every sealed column of every row opens.'] : []),
    ...removable(survey),
  ];
  return textTable(table) + lines.map((line) => `${line}\n`).join('');
}

/** Which keys the file no longer needs. */
function removable(survey: KeySurvey): string[] {
  if (nextSteps(survey).length > 0) return [];
  const idle = survey.keys.filter((key) => key.inFile && !key.active && rowsOf(key) === 0);
  return idle.map(
    ({ id }) =>
      `No row needs the key "${id}". Once no Chandler seals with it, its line can leave the key file; keep a copy as long as backups of the database.`,
  );
}
