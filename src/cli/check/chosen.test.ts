import { describe, expect, it } from 'vitest';
import { NoSuchCheck } from '../../conformance/selection.ts';
import { chosen } from './chosen.ts';
import { listOfChecks } from './list.ts';

const all = { only: [], skip: [] };
const ofPlatform = (name: 'korifi' | undefined) =>
  chosen(all, name).checks.filter(({ platform }) => platform !== undefined);

describe('what is checked', () => {
  it('has a platform in mind only where one was named', () => {
    expect(ofPlatform(undefined)).toEqual([]);
    expect(new Set(ofPlatform('korifi').map(({ platform }) => platform))).toEqual(new Set(['korifi']));
  });

  it('is never nothing', () => {
    expect(() => chosen({ only: ['bind'], skip: ['bind'] }, undefined)).toThrow(
      new NoSuchCheck('--only and --skip leave nothing to check.'),
    );
    const [korifi] = ofPlatform('korifi');
    expect(() => chosen({ only: [korifi?.id ?? ''], skip: [] }, undefined)).toThrow(
      /leave nothing to check: they need --platform korifi\.$/,
    );
  });
});

it('the list has the checks of every platform, unless one is named', () => {
  expect(listOfChecks(all, undefined)).toMatch(/ kubernetes +\S/);
  expect(listOfChecks(all, 'korifi')).not.toMatch(/ kubernetes +\S/);
  expect(listOfChecks(all, 'korifi')).toMatch(/ korifi +\S/);
});
