/** `chandler check --list`. */
import { allChecks } from '../../conformance/checks/all.ts';
import type { PlatformName } from '../../conformance/platforms/platform.ts';
import { allRules } from '../../conformance/rules/all.ts';
import { assertSelectable, ofPlatform, type Selection, selected } from '../../conformance/selection.ts';
import type { Check, Rule } from '../../conformance/types.ts';
import { textTable } from '../text-table.ts';

const heads = ['ID', 'RULES', 'LEVEL', 'GROUP', 'PLATFORM', 'TITLE'];

/**
 * @param platform none: also the checks that need one
 * @throws NoSuchCheck
 */
export function listOfChecks(selection: Selection, platform: PlatformName | undefined): string {
  const all: readonly (Check | Rule)[] = [...allChecks, ...allRules];
  assertSelectable(all, selection);
  const shown = selected(platform === undefined ? all : ofPlatform(all, platform), selection);
  const rows = shown.map((check) => [
    check.id,
    check.items.join(','),
    check.level,
    check.group,
    check.platform ?? '',
    check.title,
  ]);
  return textTable([heads, ...rows]);
}
