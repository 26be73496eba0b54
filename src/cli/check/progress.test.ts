import { expect, it } from 'vitest';
import { sampleResult } from '../../../test/support/conformance-report.ts';
import type { Check, Rule } from '../../conformance/types.ts';
import { Progress } from './progress.ts';

const check = (id: string, change: Partial<Check> = {}): Check => ({
  ...{ id, items: [1], level: 'must', group: 'Bind', title: `title of ${id}`, lane: 'own' },
  run: () => Promise.resolve(),
  ...change,
});
const rule: Rule = { ...check('rule'), concerns: () => true, complaint: () => undefined };

function watch(
  checks: Check[],
  rules: Rule[],
  plans: number,
  terminal: { isTTY?: boolean; columns?: number } = {},
) {
  const written: string[] = [];
  const output = { ...terminal, write: (text: string) => written.push(text) };
  return { progress: new Progress({ checks, rules }, plans, output), written };
}

it('off a terminal tells a group when its last check has ended, for every plan', () => {
  const { progress, written } = watch([check('a'), check('b', { lane: 'broker' })], [rule], 2);
  for (const id of ['a', 'b', 'unwanted', 'a']) {
    progress.started(check(id));
    progress.finished(sampleResult({ id, outcome: id === 'b' ? 'failed' : 'passed' }));
  }
  expect(written).toEqual([]);
  progress.finished(sampleResult({ id: 'rule', outcome: 'not applicable' }));
  progress.end();
  expect(written).toEqual(['Bind: 2 passed, 1 failed, 1 not applicable\n']);
});

it('on a terminal has one line with what is under way, never longer than it is wide', () => {
  const { progress, written } = watch([check('a'), check('b')], [], 1, { isTTY: true, columns: 40 });
  progress.started(check('a'));
  progress.started(check('b', { title: 'a title that is much too long for this terminal' }));
  expect(written).toEqual([
    '\r\u001b[2K0 of 2 done, 0 failed: title of a',
    '\r\u001b[2K0 of 2 done, 0 failed: a title that is ',
  ]);
  progress.finished(sampleResult({ id: 'b', title: 'a title that is much too long for this terminal' }));
  progress.finished(sampleResult({ id: 'a', title: 'title of a', outcome: 'failed' }));
  expect(written).toContain('\r\u001b[2KBind: 1 passed, 1 failed\n');
  expect(written.at(-1)).toBe('\r\u001b[2K2 of 2 done, 1 failed: cleaning up');
  progress.end();
  expect(written.at(-1)).toBe('\r\u001b[2K');
});
