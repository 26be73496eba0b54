/** docs/checker-rules.md lists what `chandler check` checks; it is printed from the checks themselves. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { allChecks } from '../../src/conformance/checks/all.ts';
import { levelNames } from '../../src/conformance/report/judgement.ts';
import { allRules } from '../../src/conformance/rules/all.ts';
import { type Check, groups, type Rule } from '../../src/conformance/types.ts';

const top = path.join(import.meta.dirname, '../..');
const all: readonly (Check | Rule)[] = [...allChecks, ...allRules];

const opening = `# What \`chandler check\` checks

Every check of the [conformance checker](checker.md), printed from the checks themselves. "Rules" are the numbers of the list in [osbapi.md](osbapi.md). A check that looks at every answer of a run, whoever asked for it, is marked "all answers"; the others send requests of their own.`;

function row(check: Check | Rule): string {
  const { id, items, level, title, platform } = check;
  const how = ['run' in check ? [] : ['all answers'], platform ?? []].flat().join(', ');
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return `| \`${id}\` | ${items.join(', ')} | ${levelNames[level]} | ${cell(title)} | ${how} |`;
}

function printed(): string {
  const sections = groups.map((group) => {
    const rows = all.filter((check) => check.group === group).map(row);
    return [
      `## ${group}`,
      '',
      '| check | rules | level | the broker is right when | only |',
      '| --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
  });
  return `${[opening, ...sections].join('\n\n')}\n`;
}

it('is what the checks say', async () => {
  await expect(printed()).toMatchFileSnapshot(path.join(top, 'docs/checker-rules.md'));
});

it('has no id twice, and no rule that docs/osbapi.md does not have', () => {
  const ids = all.map(({ id }) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  const rows = [...readFileSync(path.join(top, 'docs/osbapi.md'), 'utf8').matchAll(/^\| (\d+) \|/gm)];
  const known = new Set(rows.map(([, number]) => Number(number)));
  expect(all.flatMap(({ items }) => items).filter((item) => !known.has(item))).toEqual([]);
});
