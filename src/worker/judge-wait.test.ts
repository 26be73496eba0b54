import { describe, expect, test } from 'vitest';
import { type Diagnosis, defaultTroubleSeconds } from '../domain/diagnosis.ts';
import { judge, lookEveryMs, msUntilLook, type WaitCase } from './judge-wait.ts';

const trouble = (cause: string, more: Partial<Diagnosis> = {}): Diagnosis => ({
  ...{ cause, object: 'Pod db-0', subject: 'db', sentence: `${cause}.`, advice: 'Ask.', ...more },
});
const image = trouble('ImageNotPulled');
const quota = trouble('QuotaExceeded', { fromLook: true });
const seen = (diagnosis: Diagnosis, isRetrying = false) => ({ found: { diagnosis, isRetrying } });
const limit = 60_000;
const recheckMs = lookEveryMs(limit);

const cases: [name: string, given: WaitCase, judgement: object][] = [
  ['nothing is wrong', { troubledMs: 0, looked: true }, { kind: 'wait', recheckMs }],
  ['what was wrong is over', { known: image, troubledMs: limit, looked: true }, { kind: 'wait', recheckMs }],
  [
    'a trouble that is new',
    { ...seen(image), troubledMs: 0, looked: false },
    { kind: 'wait', diagnosis: image, recheckMs: limit },
  ],
  [
    'the same one for a while',
    { ...seen(image), known: image, troubledMs: 20_000, looked: false },
    { kind: 'wait', diagnosis: image, recheckMs: 40_000 },
  ],
  [
    'the same one for too long',
    { ...seen(image), known: image, troubledMs: limit, looked: true },
    { kind: 'give up', diagnosis: image },
  ],
  [
    'the same one for too long, as far as was seen a while ago',
    { ...seen(image), known: image, troubledMs: limit, looked: false },
    { kind: 'wait', diagnosis: image, recheckMs },
  ],
  [
    'the same one for too long, and it is being tried again',
    { ...seen(image, true), known: image, troubledMs: limit, looked: true },
    { kind: 'wait', diagnosis: image, recheckMs },
  ],
  [
    'another one after a long time',
    { ...seen(quota), known: image, troubledMs: limit, looked: true },
    { kind: 'wait', diagnosis: quota, recheckMs: limit },
  ],
  [
    'the same class, of something else',
    { ...seen(image), known: { ...image, subject: 'other' }, troubledMs: limit, looked: true },
    { kind: 'wait', diagnosis: image, recheckMs: limit },
  ],
  [
    'the same one, with the warnings that a look before found',
    { ...seen(image), known: { ...image, events: ['a warning'] }, troubledMs: 20_000, looked: false },
    { kind: 'wait', diagnosis: { ...image, events: ['a warning'] }, recheckMs: 40_000 },
  ],
  [
    'one that only a closer look shows, without a look',
    { ...seen(image), known: quota, troubledMs: 20_000, looked: false },
    { kind: 'wait', diagnosis: quota, recheckMs: 40_000 },
  ],
  [
    'one that only a closer look shows, and a look does not any more',
    { known: quota, troubledMs: limit, looked: true },
    { kind: 'wait', recheckMs },
  ],
];

describe('an operation that waits', () => {
  test.each(cases)('%s', (_name, given, judgement) => {
    expect(judge(given, limit)).toEqual(judgement);
  });

  const every = lookEveryMs(limit);
  test.each([
    ['before the first interval is over', { troubledMs: 0, unlookedMs: every - 1 }, false],
    ['once it is over', { troubledMs: 0, unlookedMs: every }, true],
    ['when the limit is reached, for nothing is given up unseen', { troubledMs: limit, unlookedMs: 1 }, true],
    ['not again, when somebody looked since', { troubledMs: limit + 500, unlookedMs: 400 }, false],
    ['but at its interval', { troubledMs: limit + every * 3, unlookedMs: every }, true],
  ])('looks closer %s', (_when, times, isDue) => {
    expect(msUntilLook(times, limit) <= 0).toBe(isDue);
  });

  test('sees a kubelet try each image and each container once more, unless its plan says otherwise', () => {
    /** Seconds at which it tries what fails: each wait is twice the one before, and 300 s at most. */
    const tries = [0];
    for (let wait = 10; tries.length < 10; wait = Math.min(300, wait * 2))
      tries.push((tries.at(-1) ?? 0) + wait);
    const gaps = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect(defaultTroubleSeconds).toBeGreaterThan(Math.max(...gaps));
  });

  test('looks closer several times before it is given up, and never in a hurry', () => {
    expect(lookEveryMs(20_000)).toBeLessThan(20_000 / 3);
    expect(lookEveryMs(1)).toBe(500);
    expect(lookEveryMs(3_600_000)).toBe(30_000);
  });
});
