import type { PlatformName } from './platforms/platform.ts';
import type { Check, Rule } from './types.ts';

export interface Selection {
  /** Ids, item numbers, groups or levels; none: all. */
  only: readonly string[];
  skip: readonly string[];
}

/** A name in `--only` or `--skip` that matches nothing. */
export class NoSuchCheck extends Error {
  override name = 'NoSuchCheck';
}

export function selected<T extends Check | Rule>(all: readonly T[], { only, skip }: Selection): T[] {
  return all.filter((check) => {
    const wanted = only.length === 0 || only.some((word) => matches(check, word));
    return wanted && !skip.some((word) => matches(check, word));
  });
}

/** Those that are about no platform in particular, or about this one. */
export function ofPlatform<T extends Check | Rule>(all: readonly T[], name: PlatformName | undefined): T[] {
  return all.filter(({ platform }) => platform === undefined || platform === name);
}

/** @throws NoSuchCheck for the first word that matches no check and no rule */
export function assertSelectable(all: readonly (Check | Rule)[], { only, skip }: Selection): void {
  for (const word of [...only, ...skip]) {
    if (all.some((check) => matches(check, word))) continue;
    throw new NoSuchCheck(
      `No check is called ${word}: write its id, item, group or level (chandler check --list).`,
    );
  }
}

/** `update*` stands for all ids that begin with it. */
function matches({ id, items, group, level }: Check | Rule, word: string): boolean {
  if (word.endsWith('*')) return id.startsWith(word.slice(0, -1));
  return [id, group.toLowerCase(), level, ...items.map(String)].includes(word.toLowerCase());
}
