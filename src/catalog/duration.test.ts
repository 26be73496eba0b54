import { expect, it } from 'vitest';
import { longestLifetime, parseDuration } from './duration.ts';

it('durations are seconds, minutes, hours or days up to a week', () => {
  const seconds = ['30s', '10m', '1h', '168h', '7d'].map((text) => parseDuration(text));
  expect(seconds).toEqual([30, 600, 3600, 604_800, 604_800]);
  for (const text of ['', '0s', '1', '8d', '1w', '-1s', '1.5h', '169h', '1h30m', '9999999s']) {
    expect(parseDuration(text), text).toBeUndefined();
  }
});

it('lifetimes reach ten years', () => {
  expect(parseDuration('3650d', longestLifetime)).toBe(315_360_000);
  expect(parseDuration('3651d', longestLifetime)).toBeUndefined();
});
