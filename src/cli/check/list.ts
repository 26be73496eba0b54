/** `chandler check --list`. */
import { allChecks } from '../../conformance/checks/all.ts';
import type { PlatformName } from '../../conformance/platforms/platform.ts';
import { allRules } from '../../conformance/rules/all.ts';
import { assertSelectable, type Selection, selected } from '../../conformance/selection.ts';
import type { Check, Rule } from '../../conformance/types.ts';

const heads = ['ID', 'RULES', 'LEVEL', 'GROUP', 'PLATFORM', 'TITLE'];

/**
 * @param platform none: also the checks that need one
 * @throws NoSuchCheck
 */
export function listOfChecks(selection: Selection, platform: PlatformName | undefined): string {
  const all: readonly (Check | Rule)[] = [...allChecks, ...allRules];
  assertSelectable(all, selection);
  const shown = selected(all, selection).filter(
    (check) => platform === undefined || platformOf(check) === undefined || platformOf(check) === platform,
  );
  const rows = shown.map((check) => [
    check.id,
    check.items.join(','),
    check.level,
    check.group,
    platformOf(check) ?? '',
    check.title,
  ]);
  const table = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function platformOf(check: Check | Rule): PlatformName | undefined {
  return 'platform' in check ? check.platform : undefined;
}
