/**
 * The proof that the checker can fail: the reference broker with one rule broken after the other, each of which the
 * check of that rule must notice. `make check-mutants` runs all checks against every mutant and wants no unrelated
 * failure; here only the checks that a mutant is about are run. Both print the matrix of mutants against checks.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { allChecks } from '../../src/conformance/checks/all.ts';
import { allRules } from '../../src/conformance/rules/all.ts';
import { allMutants } from './mutants/all.ts';
import type { Mutant } from './mutants/types.ts';
import { type Trial, tryMutant } from './try-mutant.ts';

const whole = process.env.CHANDLER_MUTANTS === 'whole';
const timeout = whole ? 170_000 : 60_000;

/** Checks that no mutant makes fail, and why. */
const unproved: Readonly<Record<string, string>> = {
  'in-time': 'the broker would have to take a minute; what the rule says of an answer is tested below',
};

const everything = [...allChecks, ...allRules];
const levelOf = new Map(everything.map(({ id, level }) => [id, level]));
const trials = new Map<Mutant, Trial>();

describe.concurrent('a mutant of the reference broker is noticed by the check of its rule', () => {
  it.each(allMutants)('$id: the broker $what', { timeout }, async (mutant) => {
    const trial = await tryMutant(mutant, whole);
    trials.set(mutant, trial);
    expect(trial.missed, 'checks that should have failed').toEqual([]);
    const unrelated = trial.unrelated.map(({ id, message }) => `${id}: ${message}`);
    expect(unrelated, 'failures of level must that are about something else').toEqual([]);
  });
});

describe('the list of mutants', () => {
  it('has at least 80, each with an id of its own', () => {
    expect(allMutants.length).toBeGreaterThanOrEqual(80);
    expect(new Set(allMutants.map(({ id }) => id)).size).toBe(allMutants.length);
  });

  it('has no check that is called like a group, so that both can be selected', () => {
    const groups = new Set(everything.map(({ group }) => group.toLowerCase()));
    expect(everything.map(({ id }) => id).filter((id) => groups.has(id))).toEqual([]);
  });

  it('names only checks that there are', () => {
    const named = allMutants.flatMap(({ caughtBy, shownBy = [], also = {} }) => [
      ...caughtBy,
      ...shownBy,
      ...Object.keys(also),
    ]);
    expect(named.filter((id) => !levelOf.has(id))).toEqual([]);
  });

  it('excuses only checks of level must, with a reason', () => {
    const excuses = allMutants.flatMap(({ also = {} }) => Object.entries(also));
    expect(excuses.filter(([id, reason]) => levelOf.get(id) !== 'must' || reason.length < 10)).toEqual([]);
  });

  it('has a mutant for every check', () => {
    const proved = new Set(allMutants.flatMap(({ caughtBy }) => caughtBy));
    const missing = everything.map(({ id }) => id).filter((id) => !proved.has(id));
    expect(missing.sort()).toEqual(Object.keys(unproved).sort());
  });

  it('has a mutant for every item that a check of level must names', () => {
    const covered = new Set(allMutants.flatMap(({ items }) => items));
    const items = everything.filter(({ level }) => level === 'must').flatMap((check) => check.items);
    expect([...new Set(items)].filter((item) => !covered.has(item)).sort((one, two) => one - two)).toEqual(
      [],
    );
  });
});

it('an answer that takes longer than 60 seconds breaks the rule in-time', () => {
  const rule = allRules.find(({ id }) => id === 'in-time');
  const slow = { milliseconds: 60_001 } as Parameters<NonNullable<typeof rule>['complaint']>[0];
  expect(rule?.complaint(slow)).toMatch(/60001 ms/);
  expect(rule?.complaint({ ...slow, milliseconds: 60_000 })).toBeUndefined();
});

afterAll(() => {
  const tried = allMutants.flatMap((mutant) => {
    const trial = trials.get(mutant);
    return trial === undefined ? [] : [{ mutant, trial }];
  });
  const idsOf = ({ failed }: Trial) => [...new Set(failed.map(({ id }) => id))];
  const lines = tried.map(({ mutant: { id, items, what }, trial }) => {
    const checks = idsOf(trial).map((check) => `${check} (${levelOf.get(check)})`);
    return `${id} [${items.join(', ')}] the broker ${what}: ${checks.join(', ') || 'nothing failed'}`;
  });
  const counts = new Map<string, number>();
  for (const id of tried.flatMap(({ trial }) => idsOf(trial))) counts.set(id, (counts.get(id) ?? 0) + 1);
  const perCheck = everything.map(({ id }) => `${String(counts.get(id) ?? 0).padStart(4)}  ${id}`);
  const caught = tried.filter(({ trial }) => trial.missed.length === 0).length;
  const closing = `${allMutants.length} mutants, ${caught} caught, ${counts.size} checks seen to fail of ${everything.length}`;
  console.log([...lines, '', 'mutants caught, by check:', ...perCheck, '', closing].join('\n'));
});
