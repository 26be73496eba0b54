/** docs/osbapi.md says of every rule where its test is: each must be there, and must be seen to fail by a mutant. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { osbDefaults } from '../../src/domain/osb-options.ts';
import type { Mutant } from '../osbapi/mutants/types.ts';

const top = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(top, file), 'utf8');
const lastItem = 153;

interface Row {
  item: number;
  behaviour: string;
  options: string[];
  tests: string[];
}

const rows: Row[] = read('docs/osbapi.md')
  .split('\n')
  .flatMap((line) => {
    const [, item, behaviour = '', option = '', test = ''] =
      /^\| (\d+) \| (.+) \| (.+) \| (.+) \|$/.exec(line) ?? [];
    if (item === undefined) return [];
    return [
      {
        item: Number(item),
        behaviour,
        options: [...option.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ''),
        tests: test === '-' ? [] : test.split(',').map((file) => file.trim()),
      },
    ];
  });

/** Items by what stands in brackets at the beginning of a test's title. */
function titledItems(file: string): Set<number> {
  const numbers = [...read(file).matchAll(/['"`]\[(\d+(?:, \d+)*)\] /g)].flatMap(([, list = '']) =>
    list.split(', ').map(Number),
  );
  return new Set(numbers);
}

it('has one row for each of its items, in order', () => {
  expect(rows.map(({ item }) => item)).toEqual(Array.from({ length: lastItem }, (_, index) => index + 1));
});

it('names tests that are there, with a title for the item; or says why there is none', () => {
  const wrong = rows.flatMap(({ item, behaviour, tests }) => {
    if (tests.length === 0) return behaviour.startsWith('not applicable: ') ? [] : [`${item}: no test`];
    const missing = tests.filter((file) => !existsSync(path.join(top, file)));
    if (missing.length > 0) return [`${item}: there is no ${missing.join(', ')}`];
    return tests.some((file) => titledItems(file).has(item)) ? [] : [`${item}: no title with [${item}]`];
  });
  expect(wrong).toEqual([]);
});

it('has a mutant for every item with a test', async () => {
  const folder = path.join(top, 'test/osbapi/mutants');
  const files = readdirSync(folder).filter((name) => name !== 'types.ts');
  const loaded = await Promise.all(
    files.map(async (name) => (await import(path.join(folder, name))) as { mutants: Mutant[] }),
  );
  const broken = new Set(loaded.flatMap(({ mutants }) => mutants.flatMap(({ items }) => items)));
  expect(
    rows.filter(({ item, tests }) => tests.length > 0 && !broken.has(item)).map(({ item }) => item),
  ).toEqual([]);
});

it('names every option, and no other', () => {
  const named = new Set(rows.flatMap(({ options }) => options));
  expect([...named].sort()).toEqual(Object.keys(osbDefaults).sort());
});
