import { allChecks } from '../../conformance/checks/all.ts';
import type { PlatformName } from '../../conformance/platforms/platform.ts';
import { allRules } from '../../conformance/rules/all.ts';
import {
  assertSelectable,
  NoSuchCheck,
  ofPlatform,
  type Selection,
  selected,
} from '../../conformance/selection.ts';
import type { Check, Rule } from '../../conformance/types.ts';

export interface Chosen {
  checks: Check[];
  rules: Rule[];
}

/**
 * What a run will have a verdict on.
 * @throws NoSuchCheck for a word that means nothing, and when nothing is left
 */
export function chosen(selection: Selection, platform: PlatformName | undefined): Chosen {
  assertSelectable([...allChecks, ...allRules], selection);
  const checks = selected(allChecks, selection);
  const possible = ofPlatform(checks, platform);
  const rules = ofPlatform(selected(allRules, selection), platform);
  const isNarrowed = selection.only.length > 0 || selection.skip.length > 0;
  if (isNarrowed && possible.length === 0 && rules.length === 0) {
    const platforms = [...new Set(checks.map(({ platform: whose }) => whose))];
    const hint = checks.length === 0 ? '' : `: they need --platform ${platforms.join(' or ')}`;
    throw new NoSuchCheck(`--only and --skip leave nothing to check${hint}.`);
  }
  return { checks: possible, rules };
}
